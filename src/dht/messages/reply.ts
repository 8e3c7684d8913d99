/**
 * What a node answers. A reply does not name its query: one record holds the fields of all of them, and whoever asked
 * knows which to look for (BEP 5 "responses", BEP 32, 33, 44, 51).
 */

import { decode } from "../../bencode/decode.ts";
import type { BencodeDictionary } from "../../bencode/dictionary.ts";
import { type Bencodable, encode } from "../../bencode/encode.ts";
import type { RawBencode } from "../../bencode/raw.ts";
import { DecodeError } from "../../errors.ts";
import { COMPACT_NODE_LENGTH, ID_LENGTH } from "./node_info.ts";

/** The fields of a reply. Byte strings from a decoder are views of the packet. */
export interface DhtReply {
  /** Id of the node that answers. */
  readonly id: Uint8Array;
  /** IPv4 nodes near the target, 26 bytes each (BEP 5 "find_node"). */
  readonly nodes?: Uint8Array | undefined;
  /** IPv6 nodes near the target, 38 bytes each (BEP 32 "nodes6"). */
  readonly nodes6?: Uint8Array | undefined;
  /** Must come back with an announce or a put (BEP 5 "get_peers", BEP 44 "get message"). */
  readonly token?: Uint8Array | undefined;
  /** Peers in compact form, 6 or 18 bytes each (BEP 5 "get_peers", BEP 32 "values"). */
  readonly values?: readonly Uint8Array[] | undefined;
  /** Bloom filter of the seeds, 256 bytes (BEP 33 "new get_peers semantics"). */
  readonly seedFilter?: Uint8Array | undefined;
  /** Bloom filter of the downloaders, 256 bytes (BEP 33 "new get_peers semantics"). */
  readonly downloaderFilter?: Uint8Array | undefined;
  /** An item's value in its bencoded form (BEP 44 "get message"). */
  readonly value?: Uint8Array | undefined;
  /** The key of a mutable item, 32 bytes. */
  readonly publicKey?: Uint8Array | undefined;
  /** The signature of a mutable item, 64 bytes. */
  readonly signature?: Uint8Array | undefined;
  /** Sequence number of a mutable item; also there when the value is held back (BEP 44 "get message"). */
  readonly seq?: bigint | undefined;
  /** Info hashes, 20 bytes each (BEP 51 "sampling RPC"). */
  readonly samples?: Uint8Array | undefined;
  /** How many info hashes the node holds (BEP 51). */
  readonly total?: number | undefined;
  /** Seconds before which this node should not be sampled again (BEP 51). */
  readonly intervalSeconds?: number | undefined;
}

/** A reply as it is sent: a list of values may be bencoded already. */
export interface SendableReply extends Omit<DhtReply, "values"> {
  /** Peers in compact form, 6 or 18 bytes each (BEP 5 "get_peers", BEP 32 "values"). */
  readonly values?: readonly Uint8Array[] | RawBencode | undefined;
}

/** Bytes of a Bloom filter (BEP 33 "bloom filters"). */
const FILTER_LENGTH = 256;

/** The longest interval that may be asked for (BEP 51 "sampling RPC"). */
const MAX_INTERVAL_SECONDS = 21_600;

/** The value of `r`; keys in byte order, so that the encoder need not sort. */
export function encodeReply(reply: SendableReply): { readonly [key: string]: Bencodable | undefined } {
  return {
    BFpe: reply.downloaderFilter,
    BFsd: reply.seedFilter,
    id: reply.id,
    interval: reply.intervalSeconds,
    k: reply.publicKey,
    nodes: reply.nodes,
    nodes6: reply.nodes6,
    num: reply.total,
    samples: reply.samples,
    seq: reply.seq,
    sig: reply.signature,
    token: reply.token,
    v: reply.value && decode(reply.value),
    values: reply.values,
  };
}

/**
 * Reads the value of `r`. A field of another type or length than it should have counts as absent: the rest of the
 * reply may still be good.
 *
 * @throws {DecodeError} If there is no id of 20 bytes.
 */
export function decodeReply(from: BencodeDictionary): DhtReply {
  const id = multiple(from, "id", ID_LENGTH);
  if (id?.length !== ID_LENGTH) throw new DecodeError("Cannot decode reply: no id of 20 bytes");
  const value = from.get("v"), seq = from.get("seq"), interval = natural(from, "interval");
  return {
    id,
    nodes: multiple(from, "nodes", COMPACT_NODE_LENGTH[4]),
    nodes6: multiple(from, "nodes6", COMPACT_NODE_LENGTH[6]),
    token: bytes(from, "token"),
    values: values(from),
    seedFilter: exactly(from, "BFsd", FILTER_LENGTH),
    downloaderFilter: exactly(from, "BFpe", FILTER_LENGTH),
    value: value === undefined ? undefined : encode(value),
    publicKey: exactly(from, "k", 32),
    signature: exactly(from, "sig", 64),
    seq: typeof seq === "number" || typeof seq === "bigint" ? BigInt(seq) : undefined,
    samples: multiple(from, "samples", ID_LENGTH),
    total: natural(from, "num"),
    intervalSeconds: interval === undefined ? undefined : Math.min(interval, MAX_INTERVAL_SECONDS),
  };
}

function bytes(from: BencodeDictionary, key: string): Uint8Array | undefined {
  const value = from.get(key);
  return value instanceof Uint8Array ? value : undefined;
}

function exactly(from: BencodeDictionary, key: string, length: number): Uint8Array | undefined {
  const value = bytes(from, key);
  return value?.length === length ? value : undefined;
}

function multiple(from: BencodeDictionary, key: string, length: number): Uint8Array | undefined {
  const value = bytes(from, key);
  return value !== undefined && value.length % length === 0 ? value : undefined;
}

function natural(from: BencodeDictionary, key: string): number | undefined {
  const value = from.get(key);
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** Compact peers of either family; other strings are dropped (BEP 32 "values": hybrid lists must be understood). */
function values(from: BencodeDictionary): readonly Uint8Array[] | undefined {
  const list = from.get("values");
  if (!Array.isArray(list)) return undefined;
  return list.filter((value) => value instanceof Uint8Array && (value.length === 6 || value.length === 18));
}
