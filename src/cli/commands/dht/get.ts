/** `dht get`: a value that the DHT stores (BEP 44). */

import { encodeHex, encodeUtf8 } from "../../../bytes/text.ts";
import { decode } from "../../../bencode/decode.ts";
import { findValue, type FoundValue } from "../../../client/dht_values.ts";
import { UsageError } from "../../arguments.ts";
import { writeAtomically } from "../../atomic_file.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { drawValue, reportSeq, reportValue, valueBytes } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { readHex } from "../../info_hash.ts";
import { jsonText } from "../../json.ts";
import type { Terminal } from "../../terminal.ts";
import { withDht } from "../../with_dht.ts";

type ItemName = Parameters<typeof findValue>[1];
type Item = NonNullable<FoundValue["item"]>;

/** Looks a value up, checks its hash or signature, and prints or writes it. */
export const command: Command = defineCommand({
  operands: ["[HEX]"],
  options: {
    key: { kind: "text", value: "HEX", help: "public key under which the value is, instead of its hash" },
    salt: { kind: "text", value: "TEXT", help: "which of the values of the key" },
    output: {
      kind: "text",
      short: "o",
      value: "FILE",
      help: "write the bytes to a file, - for standard output",
    },
    ...DHT_OPTIONS,
  },
  notes:
    `HEX is the hash of the value, 40 digits; a key has 64. A value is bencoded: of a byte string its bytes are
written, of all else the bencoding. Under a key the newest version is looked for.
Exit code 1 if nobody has it.`,
  async run({ operands: [hash], options }, terminal) {
    const name = readName(hash, options.key, options.salt);
    const { target, item, report } = await withDht(
      options,
      terminal,
      ({ dht, signal }) => findValue(dht, name, { signal }),
    );
    if (item === undefined) {
      throw new Failure(report.replies === 0 ? "No DHT node answered" : `Nobody has ${encodeHex(target)}`);
    }
    if (options.output !== undefined) await write(item, options.output, terminal);
    if (options.json && options.output !== "-") {
      terminal.write(jsonText(reportItem(target, item)));
    } else if (options.output === undefined) {
      terminal.write(drawValue(item.value).map((line) => `${line}\n`).join(""));
    }
    return 0;
  },
});

function readName(hash: string | undefined, key: string | undefined, salt: string | undefined): ItemName {
  if ((hash === undefined) === (key === undefined)) throw new UsageError("Give either a hash or --key");
  if (hash === undefined) {
    const publicKey = readHex("--key", key!, 32);
    return { type: "mutable", publicKey, ...(salt !== undefined && { salt: encodeUtf8(salt) }) };
  }
  if (salt !== undefined) throw new UsageError("Cannot use --salt without --key");
  return { type: "immutable", target: readHex("HEX", hash, 20) };
}

async function write({ value }: Item, path: string, terminal: Terminal): Promise<void> {
  if (path === "-") terminal.write(valueBytes(value));
  else await writeAtomically(path, valueBytes(value));
}

function reportItem(target: Uint8Array, item: Item): Record<string, unknown> {
  return {
    target: encodeHex(target),
    value: reportValue(decode(item.value, { tolerant: true })),
    bencoded: encodeHex(item.value),
    ...(item.type === "mutable" && {
      key: encodeHex(item.publicKey),
      seq: reportSeq(item.seq),
      signature: encodeHex(item.signature),
    }),
  };
}
