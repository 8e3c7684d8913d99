/** What the DHT says, as records for `--json` and as lines for a person. */

import { BencodeDictionary, type BencodeValue } from "../bencode/dictionary.ts";
import { decode } from "../bencode/decode.ts";
import { decodeUtf8Strictly, encodeHex } from "../bytes/text.ts";
import type { DhtRunner } from "../io/dht_runner.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { formatCount, printable } from "./format.ts";
import { drawTable } from "./render.ts";

/** A node: its id and where it is. */
export interface NodeReport extends PeerAddress {
  /** 40 hex digits. */
  readonly id: string;
}

/** A node as the DHT names it. */
export type NodeContact = ReturnType<DhtRunner["nodes"]>[number];

/** Reports on nodes. */
export function reportNodes(nodes: readonly NodeContact[]): readonly NodeReport[] {
  return nodes.map(({ id, address: { host, port } }) => ({ id: encodeHex(id), host, port }));
}

/** A line for each node. */
export function drawNodes(nodes: readonly NodeReport[]): readonly string[] {
  return drawTable(nodes.map((node) => [node.id, formatPeerAddress(node)]));
}

/** How it went with the nodes that were given something: `8 nodes`, `5 nodes, refused by 3 (error 205)`. */
export function drawStored(nodes: number, refusals: readonly number[]): string {
  const codes = [...new Set(refusals)].sort((a, b) => a - b).join(", ");
  return formatCount(nodes, "node") +
    (refusals.length > 0 ? `, refused by ${refusals.length} (error ${codes})` : "");
}

/** A value as JSON has it: bytes that are UTF-8 as text, other bytes as `{ hex }`, integers beyond 2^53 as text. */
export function reportValue(value: BencodeValue): unknown {
  if (value instanceof Uint8Array) return decodeUtf8Strictly(value) ?? { hex: encodeHex(value) };
  if (typeof value === "bigint") return String(value);
  if (value instanceof BencodeDictionary) {
    return Object.fromEntries([...value.entries()].map(([key, member]) => [key, reportValue(member)]));
  }
  return typeof value === "number" ? value : value.map(reportValue);
}

/** A bencoded value for a person: text line by line, all else as JSON. */
export function drawValue(bencoded: Uint8Array): readonly string[] {
  const value = reportValue(decode(bencoded, { tolerant: true }));
  return typeof value === "string" ? value.split("\n").map(printable) : [printable(JSON.stringify(value))];
}

/** A bencoded value as bytes for a file: those of a byte string, of all else the bencoding. */
export function valueBytes(bencoded: Uint8Array): Uint8Array {
  const value = decode(bencoded, { tolerant: true });
  return value instanceof Uint8Array ? value : bencoded;
}

/** A sequence number in JSON: a number as far as JSON can tell them apart. */
export function reportSeq(seq: bigint): number | string {
  return seq <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seq) : String(seq);
}
