/** `dht put`: stores a value in the DHT, under its hash or under a key (BEP 44). */

import { encodeHex, encodeUtf8 } from "../../../bytes/text.ts";
import { keepItem, type StoredValue, storeValue } from "../../../client/dht_values.ts";
import { UsageError } from "../../arguments.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { drawStored, reportSeq } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { jsonText } from "../../json.ts";
import { KEEP_OPTION, KEY_OPTIONS, readKey } from "../../key_file.ts";
import { createPalette, drawTable } from "../../render.ts";
import { readSmallFile } from "../../small_file.ts";
import type { Terminal } from "../../terminal.ts";
import { untilInterrupted, withDht } from "../../with_dht.ts";

/** Longest byte string whose bencoding has 1000 bytes, which is what nodes take (BEP 44 "messages"). */
const MAX_BYTES = 996;

/** Stores a value and prints where it is to be found. */
export const command: Command = defineCommand({
  operands: ["[TEXT]"],
  options: {
    file: { kind: "text", value: "F", help: "store the bytes of a file, at most 996, instead of a text" },
    ...KEY_OPTIONS,
    keep: KEEP_OPTION,
    ...DHT_OPTIONS,
  },
  notes:
    `With --key-file the value is stored under a key, and only who has the key can replace it; 'dht key' makes one.
Nodes forget a value after two hours or so. Exit code 0 if at least one node took it, with --keep on Ctrl-C or SIGTERM.`,
  async run({ operands: [text], options }, terminal) {
    const value = await readValue(text, options.file), key = await readKey(options);
    const { keep, json, salt } = options, limits = keep ? { timeout: options.timeout ?? Infinity } : {};
    await withDht({ ...options, ...limits }, terminal, async ({ dht, signal }) => {
      const stored = await storeValue(dht, value, key, { signal });
      refuseFailure(stored);
      report(stored, salt, json, terminal);
      if (keep) await untilInterrupted(keepItem(dht, stored.item, { signal }));
    });
    return 0;
  },
});

async function readValue(text: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if ((text === undefined) === (file === undefined)) throw new UsageError("Give either a text or --file");
  if (text === undefined) return await readSmallFile(file!, MAX_BYTES);
  const value = encodeUtf8(text);
  if (value.length <= MAX_BYTES) return value;
  throw new UsageError(`Cannot store the text: it has ${value.length} bytes, more than ${MAX_BYTES}`);
}

function refuseFailure({ nodes, refusals, newer, report: { replies } }: StoredValue): void {
  if (newer !== undefined) throw new Failure(`Cannot store the value: version ${newer.seq} is there already`);
  if (nodes > 0) return;
  if (replies === 0) throw new Failure("No DHT node answered");
  throw new Failure(`No DHT node took the value: ${drawStored(nodes, refusals)}`);
}

function report(
  { target, item, nodes, refusals }: StoredValue,
  salt: string | undefined,
  json: boolean,
  terminal: Terminal,
): void {
  const record = {
    target: encodeHex(target),
    ...(item.type === "mutable" && {
      key: encodeHex(item.publicKey),
      salt: salt ?? null,
      seq: reportSeq(item.seq),
    }),
  };
  if (json) {
    return terminal.write(jsonText({ ...record, nodes, refusals }));
  }
  const palette = createPalette(terminal.hasColours);
  const rows = [
    ["Target", record.target],
    ...(item.type === "mutable" ? [["Key", encodeHex(item.publicKey)], ["Version", String(item.seq)]] : []),
    ["Stored on", drawStored(nodes, refusals)],
  ];
  terminal.write(drawTable(rows.map(([label, text]) => [palette.bold(label!), text!])).join("\n") + "\n");
}
