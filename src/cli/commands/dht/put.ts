/** `dht put`: stores a value in the DHT, under its hash or under a key (BEP 44). */

import { createSigner, type Ed25519Signer } from "../../../bytes/ed25519.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "../../../bytes/text.ts";
import { type StoredValue, storeValue } from "../../../client/dht_values.ts";
import { type OptionValues, UsageError } from "../../arguments.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { drawStored, reportSeq } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { createPalette, drawTable } from "../../render.ts";
import { readSmallFile } from "../../small_file.ts";
import type { Terminal } from "../../terminal.ts";
import { withDht } from "../../with_dht.ts";

/** Longest byte string whose bencoding has 1000 bytes, which is what nodes take (BEP 44 "messages"). */
const MAX_BYTES = 996;

/** A seed has 32 bytes, and 64 as hex digits with an end of line or two. */
const MAX_SEED_FILE = 66;

const KEY_OPTIONS = {
  "seed-file": { kind: "text", value: "KEY", help: "file with the seed of the key to store it under" },
  salt: { kind: "text", value: "TEXT", help: "tells several values of one key apart" },
  seq: { kind: "count", value: "N", help: "version of the value [one more than the newest there is]" },
  cas: { kind: "count", value: "N", help: "replace this version and no other" },
} as const;

/** Stores a value and prints where it is to be found. */
export const command: Command = defineCommand({
  operands: ["[TEXT]"],
  options: {
    file: { kind: "text", value: "F", help: "store the bytes of a file, at most 996, instead of a text" },
    ...KEY_OPTIONS,
    ...DHT_OPTIONS,
  },
  notes:
    `KEY holds 32 bytes, or 64 hex digits, which must stay secret: 'head -c 32 /dev/urandom > KEY' makes one.
Nodes forget a value after two hours or so. Exit code 0 if at least one node took it.`,
  async run({ operands: [text], options }, terminal) {
    const value = await readValue(text, options.file), key = await readKey(options);
    const stored = await withDht(
      options,
      terminal,
      ({ dht, signal }) => storeValue(dht, value, key, { signal }),
    );
    refuseFailure(stored);
    report(stored, options.salt, options.json, terminal);
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

async function readKey(options: OptionValues<typeof KEY_OPTIONS>): Promise<Parameters<typeof storeValue>[2]> {
  const { salt, seq, cas } = options, path = options["seed-file"];
  if (path === undefined) {
    for (const name of ["salt", "seq", "cas"] as const) {
      if (options[name] !== undefined) throw new UsageError(`Cannot use --${name} without --seed-file`);
    }
    return undefined;
  }
  return {
    signer: await readSigner(path),
    ...(salt !== undefined && { salt: encodeUtf8(salt) }),
    ...(seq !== undefined && { seq: BigInt(seq) }),
    ...(cas !== undefined && { cas: BigInt(cas) }),
  };
}

async function readSigner(path: string): Promise<Ed25519Signer> {
  const bytes = await readSmallFile(path, MAX_SEED_FILE);
  if (bytes.length === 32) return await createSigner(bytes);
  const text = new TextDecoder().decode(bytes).trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return await createSigner(decodeHex(text));
  throw new Failure(`Cannot use the key in "${path}": neither 32 bytes nor 64 hex digits`);
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
    return terminal.write(`${JSON.stringify({ ...record, nodes, refusals }, undefined, 2)}\n`);
  }
  const palette = createPalette(terminal.hasColours);
  const rows = [
    ["Target", record.target],
    ...(item.type === "mutable" ? [["Key", encodeHex(item.publicKey)], ["Version", String(item.seq)]] : []),
    ["Stored on", drawStored(nodes, refusals)],
  ];
  terminal.write(drawTable(rows.map(([label, text]) => [palette.bold(label!), text!])).join("\n") + "\n");
}
