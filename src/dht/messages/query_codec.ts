/** How queries stand in a packet: one row of the table per query (BEP 5, 32, 33, 44, 51). */

import { equals } from "@std/bytes/equals";
import { decode } from "../../bencode/decode.ts";
import type { BencodeDictionary } from "../../bencode/dictionary.ts";
import { type Bencodable, encode } from "../../bencode/encode.ts";
import { encodeByteString, encodeUtf8 } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";
import type { AddressFamily } from "../../peer/ip.ts";
import { ID_LENGTH } from "./node_info.ts";
import type { DhtQuery, PutQuery, SendableQuery, UnknownQuery } from "./query.ts";

/** Bytes of an Ed25519 public key and of a signature (BEP 44 "messages"). */
const PUBLIC_KEY_LENGTH = 32, SIGNATURE_LENGTH = 64;

const FAMILIES: readonly AddressFamily[] = [4, 6];
const WANT = { 4: "n4", 6: "n6" } as const;

/** The arguments of a query; keys in byte order, so that the encoder need not sort. */
type Arguments = { readonly [key: string]: Bencodable | undefined };

/** Methods, not members: a row can then stand for any query where one is picked by its type. */
interface QueryRow<Q> {
  readonly method: string;
  decode(from: BencodeDictionary, id: Uint8Array): Q;
  encode(query: Q): Arguments;
}

const QUERIES: { readonly [T in SendableQuery["type"]]: QueryRow<Extract<SendableQuery, { type: T }>> } = {
  ping: {
    method: "ping",
    decode: (_from, id) => ({ type: "ping", id }),
    encode: ({ id }) => ({ id }),
  },
  findNode: {
    method: "find_node",
    decode: (from, id) => ({
      type: "findNode",
      id,
      target: fixed(from, "target", ID_LENGTH),
      want: want(from),
    }),
    encode: (query) => ({ id: query.id, target: query.target, want: wantList(query) }),
  },
  getPeers: {
    method: "get_peers",
    decode: (from, id) => ({
      type: "getPeers",
      id,
      infoHash: fixed(from, "info_hash", ID_LENGTH),
      want: want(from),
      noSeed: flag(from, "noseed"),
      scrape: flag(from, "scrape"),
    }),
    encode: (query) => ({
      id: query.id,
      info_hash: query.infoHash,
      noseed: query.noSeed ? 1 : undefined,
      scrape: query.scrape ? 1 : undefined,
      want: wantList(query),
    }),
  },
  announcePeer: {
    method: "announce_peer",
    decode: (from, id) => ({
      type: "announcePeer",
      id,
      infoHash: fixed(from, "info_hash", ID_LENGTH),
      // The port may be missing or odd when it is not to be looked at.
      port: flag(from, "implied_port") ? 0 : port(from),
      impliedPort: flag(from, "implied_port"),
      token: required(from, "token"),
      seed: flag(from, "seed"),
    }),
    encode: (query) => ({
      id: query.id,
      implied_port: query.impliedPort ? 1 : undefined,
      info_hash: query.infoHash,
      port: query.port,
      seed: query.seed ? 1 : undefined,
      token: query.token,
    }),
  },
  get: {
    method: "get",
    decode: (from, id) => ({
      type: "get",
      id,
      target: fixed(from, "target", ID_LENGTH),
      seq: from.bigInteger("seq"),
      want: want(from),
    }),
    encode: (query) => ({ id: query.id, seq: query.seq, target: query.target, want: wantList(query) }),
  },
  put: {
    method: "put",
    decode: (from, id) => ({
      type: "put",
      id,
      token: required(from, "token"),
      value: encode(from.get("v") ?? missing("v")),
      mutable: from.has("k") ? mutablePart(from) : undefined,
    }),
    encode: ({ id, token, value, mutable }) => ({
      cas: mutable?.cas,
      id,
      k: mutable?.publicKey,
      salt: mutable?.salt?.length ? mutable.salt : undefined,
      seq: mutable?.seq,
      sig: mutable?.signature,
      token,
      v: decode(value),
    }),
  },
  sampleInfohashes: {
    method: "sample_infohashes",
    decode: (from, id) => ({
      type: "sampleInfohashes",
      id,
      target: fixed(from, "target", ID_LENGTH),
      want: want(from),
    }),
    encode: (query) => ({ id: query.id, target: query.target, want: wantList(query) }),
  },
};

/** With names as bytes: comparing these costs less than making text of a name that came in. */
const ROWS: readonly (readonly [method: Uint8Array, row: QueryRow<SendableQuery>])[] = Object.values(QUERIES)
  .map(
    (row) => [encodeUtf8(row.method), row],
  );

/** The name of a query and its arguments as they go into a packet: the values of `q` and `a`. */
export function encodeQuery(
  query: SendableQuery,
): { readonly method: string; readonly arguments: Arguments } {
  const row: QueryRow<SendableQuery> = QUERIES[query.type];
  return { method: row.method, arguments: row.encode(query) };
}

/** Reads the arguments of a query. What is wrong with them comes back as an {@linkcode InvalidQuery}. */
export function decodeQuery(method: Uint8Array, from: BencodeDictionary): DhtQuery {
  try {
    const id = fixed(from, "id", ID_LENGTH);
    for (const [name, row] of ROWS) if (equals(name, method)) return row.decode(from, id);
    return unknownQuery(encodeByteString(method), from, id);
  } catch (error) {
    if (error instanceof DecodeError) return { type: "invalid", reason: error.message };
    throw error;
  }
}

function unknownQuery(method: string, from: BencodeDictionary, id: Uint8Array): UnknownQuery {
  const target = from.get("target") ?? from.get("info_hash");
  const usable = target instanceof Uint8Array && target.length === ID_LENGTH;
  return { type: "unknown", method, id, target: usable ? target : undefined, want: want(from) };
}

function mutablePart(from: BencodeDictionary): PutQuery["mutable"] {
  return {
    publicKey: fixed(from, "k", PUBLIC_KEY_LENGTH),
    signature: fixed(from, "sig", SIGNATURE_LENGTH),
    seq: from.bigInteger("seq") ?? missing("seq"),
    salt: from.bytes("salt"),
    cas: from.bigInteger("cas"),
  };
}

/** BEP 32 "want": unknown strings in the list are left out silently. */
function want(from: BencodeDictionary): readonly AddressFamily[] | undefined {
  const list = from.get("want");
  if (!Array.isArray(list)) return undefined;
  const names = list.map((name) => name instanceof Uint8Array ? encodeByteString(name) : "");
  return FAMILIES.filter((family) => names.includes(WANT[family]));
}

function wantList({ want }: { readonly want?: readonly AddressFamily[] | undefined }): string[] | undefined {
  return want?.map((family) => WANT[family]);
}

/** Any other integer than 0 counts as set, as in BEP 5 "announce_peer". */
function flag(from: BencodeDictionary, key: string): boolean {
  return (from.integer(key) ?? 0) !== 0;
}

function port(from: BencodeDictionary): number {
  const port = from.integer("port") ?? missing("port");
  if (port < 1 || port > 65535) throw new DecodeError(`Cannot decode "port": ${port} is no port`);
  return port;
}

function fixed(from: BencodeDictionary, key: string, length: number): Uint8Array {
  const bytes = required(from, key);
  if (bytes.length !== length) {
    throw new DecodeError(`Cannot decode "${key}": expected ${length} bytes, got ${bytes.length}`);
  }
  return bytes;
}

function required(from: BencodeDictionary, key: string): Uint8Array {
  return from.bytes(key) ?? missing(key);
}

function missing(key: string): never {
  throw new DecodeError(`Cannot decode query: "${key}" is missing`);
}
