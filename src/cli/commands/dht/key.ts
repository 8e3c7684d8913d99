/** `dht key`: makes a private key, or shows the public half of one (BEP 44, 46). */

import { encodeHex } from "../../../bytes/text.ts";
import { formatMagnet } from "../../../metainfo/magnet.ts";
import { type Command, defineCommand } from "../../command.ts";
import { jsonText } from "../../json.ts";
import { createKeyFile, readSigner } from "../../key_file.ts";
import { createPalette, drawTable } from "../../render.ts";

/** Makes the file if there is none; one that is there is only read. */
export const command: Command = defineCommand({
  operands: ["KEY"],
  options: { json: { kind: "flag", help: "print JSON instead" } },
  notes:
    `KEY is a file. If there is none it is made, with a new key, for nobody else to read (mode 600). Whoever has it can
replace what it has signed; without it nobody can, so keep a copy. It holds the seed of an Ed25519 key (RFC 8032) as 64
hex digits. Keys made elsewhere do as well: a seed of 32 bytes, or an expanded key of 64 as libtorrent has it, as they are
or in hex digits.`,
  async run({ operands: [path], options: { json } }, terminal) {
    const isNew = !await isThere(path), signer = await (isNew ? createKeyFile(path) : readSigner(path));
    const key = encodeHex(signer.publicKey), link = formatMagnet({ publicKey: signer.publicKey });
    if (json) {
      terminal.write(jsonText({ key, link, isNew }));
      return 0;
    }
    const palette = createPalette(terminal.hasColours);
    const rows = [["Key", key], ["Link", link]].map(([label, text]) => [palette.bold(label!), text!]);
    terminal.write(drawTable(rows).map((line) => `${line}\n`).join(""));
    return 0;
  },
});

/** Anything but its absence shows when it is read. */
async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
