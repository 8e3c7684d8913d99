/** KRPC: bencoded dictionaries over UDP, a query and its reply or error in one packet each (BEP 5 "krpc protocol"). */

import { decodeDictionary } from "../../bencode/decode.ts";
import type { BencodeDictionary } from "../../bencode/dictionary.ts";
import { encodeThrough } from "../../bencode/encode.ts";
import { copyToSlab } from "../../bytes/slab.ts";
import { decodeUtf8 } from "../../bytes/text.ts";
import { DecodeError } from "../../errors.ts";
import type { DhtQuery, SendableQuery } from "./query.ts";
import { decodeQuery, encodeQuery } from "./query_codec.ts";
import { decodeReply, type DhtReply, encodeReply, type SendableReply } from "./reply.ts";

/** What every message carries besides its content. */
export interface KrpcEnvelope {
  /** Chosen by who asks, echoed by who answers: opaque bytes of any length (BEP 5 "krpc protocol"). */
  readonly transaction: Uint8Array;
  /** Client and version, usually 4 bytes (BEP 5 "krpc protocol", key `v`). */
  readonly version?: Uint8Array | undefined;
}

/** A question as it comes in. */
export interface KrpcQuery extends KrpcEnvelope {
  /** Tells messages apart. */
  readonly type: "query";
  /** What is asked. */
  readonly query: DhtQuery;
  /** Whoever asks answers no queries and belongs in no table (BEP 43). */
  readonly readOnly: boolean;
}

/** An answer. */
export interface KrpcReply extends KrpcEnvelope {
  /** Tells messages apart. */
  readonly type: "reply";
  /** The fields of the answer. */
  readonly reply: DhtReply;
  /** Address and port of whoever asked, as seen by whoever answers, in compact form (BEP 42 "bootstrapping"). */
  readonly requester?: Uint8Array | undefined;
}

/** A refusal. */
export interface KrpcError extends KrpcEnvelope {
  /** Tells messages apart. */
  readonly type: "error";
  /** One of {@linkcode KRPC_ERRORS}, or what else the other side made up. */
  readonly code: number;
  /** The reason in words. */
  readonly message: string;
  /** Address and port of whoever asked (BEP 42 "bootstrapping"). */
  readonly requester?: Uint8Array | undefined;
}

/** Everything that can come in. */
export type KrpcMessage = KrpcQuery | KrpcReply | KrpcError;

/** Everything that can be sent. */
export type SendableKrpcMessage =
  | Omit<KrpcQuery, "query"> & { readonly query: SendableQuery }
  | Omit<KrpcReply, "reply"> & { readonly reply: SendableReply }
  | KrpcError;

/** The error codes (BEP 5 "errors", BEP 44 "errors"). */
export const KRPC_ERRORS = {
  generic: 201,
  server: 202,
  protocol: 203,
  methodUnknown: 204,
  valueTooBig: 205,
  invalidSignature: 206,
  saltTooBig: 207,
  casMismatch: 301,
  seqTooOld: 302,
} as const;

/** A datagram cannot hold more of sense; the deepest message of the BEPs has three levels, `v` may have its own. */
const LIMITS = { maxDepth: 50, maxTokens: 1000 } as const;
const TOLERANT = { ...LIMITS, tolerant: true } as const;

/** Longest text of an error that is kept. */
const MAX_ERROR_TEXT = 256;

const Q = 0x71, R = 0x72, E = 0x65;

/** Writes a message as the payload of one datagram. Other messages lie in the same buffer. */
export function encodeKrpc(message: SendableKrpcMessage): Uint8Array<ArrayBuffer> {
  const { transaction: t, version: v } = message;
  switch (message.type) {
    case "query": {
      const { method: q, arguments: a } = encodeQuery(message.query);
      return encodeThrough(copyToSlab, { a, q, ro: message.readOnly ? 1 : undefined, t, v, y: "q" });
    }
    case "reply":
      return encodeThrough(copyToSlab, {
        ip: message.requester,
        r: encodeReply(message.reply),
        t,
        v,
        y: "r",
      });
    case "error":
      return encodeThrough(copyToSlab, {
        e: [message.code, message.message],
        ip: message.requester,
        t,
        v,
        y: "e",
      });
  }
}

/**
 * Reads the payload of one datagram. Byte strings are views of it.
 *
 * A query with senseless arguments is a message too, of type `"invalid"`: it deserves an answer. Keys out of order are
 * forgiven, except around a value to store (BEP 44 "messages": such a `put` must be refused).
 *
 * @throws {DecodeError} If the bytes are no KRPC message.
 */
export function decodeKrpc(bytes: Uint8Array): KrpcMessage {
  try {
    return decodeMessage(decodeDictionary(bytes, LIMITS), true);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return decodeMessage(decodeDictionary(bytes, TOLERANT), false);
  }
}

function decodeMessage(from: BencodeDictionary, canonical: boolean): KrpcMessage {
  const transaction = from.bytes("t"), kind = from.bytes("y");
  if (transaction === undefined) throw new DecodeError('Cannot decode KRPC message: "t" is missing');
  switch (kind?.length === 1 ? kind[0] : undefined) {
    case Q:
      return queryMessage(from, transaction, canonical);
    case R:
      return replyMessage(from, transaction, canonical);
    case E:
      return errorMessage(from, transaction);
    default:
      throw new DecodeError('Cannot decode KRPC message: "y" is none of q, r and e');
  }
}

function queryMessage(from: BencodeDictionary, transaction: Uint8Array, canonical: boolean): KrpcQuery {
  const method = from.bytes("q"), given = from.dictionary("a");
  if (method === undefined || given === undefined) {
    throw new DecodeError("Cannot decode KRPC query: name or arguments are missing");
  }
  const query: DhtQuery = canonical || !given.has("v")
    ? decodeQuery(method, given)
    : { type: "invalid", reason: "Cannot store a value that is not canonical bencode" };
  return {
    type: "query",
    transaction,
    version: optionalBytes(from, "v"),
    readOnly: from.get("ro") === 1,
    query,
  };
}

function replyMessage(from: BencodeDictionary, transaction: Uint8Array, canonical: boolean): KrpcReply {
  const fields = from.dictionary("r");
  if (fields === undefined) throw new DecodeError('Cannot decode KRPC reply: "r" is missing');
  const reply = decodeReply(fields);
  return {
    type: "reply",
    transaction,
    version: optionalBytes(from, "v"),
    requester: optionalBytes(from, "ip"),
    reply: canonical ? reply : { ...reply, value: undefined },
  };
}

function errorMessage(from: BencodeDictionary, transaction: Uint8Array): KrpcError {
  const [code, text] = from.list("e") ?? [];
  return {
    type: "error",
    transaction,
    version: optionalBytes(from, "v"),
    requester: optionalBytes(from, "ip"),
    code: typeof code === "number" ? code : KRPC_ERRORS.generic,
    message: text instanceof Uint8Array ? decodeUtf8(text.subarray(0, MAX_ERROR_TEXT)) : "",
  };
}

/** Of another type it counts as absent: nothing depends on it. */
function optionalBytes(from: BencodeDictionary, key: string): Uint8Array | undefined {
  const value = from.get(key);
  return value instanceof Uint8Array ? value : undefined;
}
