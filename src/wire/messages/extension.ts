/** The handshake of the extension protocol: a dictionary where everything is optional (BEP 10 "handshake message"). */

import { decodeDictionary } from "../../bencode/decode.ts";
import { BencodeDictionary, type BencodeValue } from "../../bencode/dictionary.ts";
import { encode } from "../../bencode/encode.ts";
import { decodeUtf8 } from "../../bytes/text.ts";
import { formatIp, parseIp } from "../../peer/ip.ts";

/** The id of the extension handshake among the extension messages. */
export const EXTENSION_HANDSHAKE_ID = 0;

/** What one side tells about itself. In a later handshake only what changes is there. */
export interface ExtensionHandshakeFields {
  /** `v`: client name and version. */
  readonly client?: string;
  /** `p`: the port where the sender listens. */
  readonly listenPort?: number;
  /** `yourip`: the receiver's address as the sender sees it. */
  readonly yourIp?: string;
  /** `ipv4`: another address of the sender. */
  readonly ipv4?: string;
  /** `ipv6`: another address of the sender. */
  readonly ipv6?: string;
  /** `reqq`: how many requests the sender queues. */
  readonly requestQueue?: number;
  /** `metadata_size`: bytes of the info dictionary (BEP 9 "extension header"). */
  readonly metadataSize?: number;
  /** `upload_only`: the sender wants nothing (BEP 21 "extension header"). */
  readonly uploadOnly?: boolean;
  /** `complete_ago`: seconds since the sender became a seed. */
  readonly completeAgo?: number;
  /** `e`: the sender prefers encrypted connections. */
  readonly prefersEncryption?: boolean;
}

/** An extension handshake: what the sender tells, and the ids to use when sending to it. */
export interface ExtensionHandshake extends ExtensionHandshakeFields {
  /** Tells it from the extension messages. */
  readonly type: "extensionHandshake";
  /** `m`: extension name to the id, 1 to 255, that the sender understands; 0 switches the extension off. */
  readonly ids?: ReadonlyMap<string, number>;
}

/** Far above any client's handshake: a few dozen keys and names. */
const LIMITS = { tolerant: true, allowTrailing: true, maxDepth: 8, maxTokens: 2048 } as const;

/** Writes an extension handshake. @throws {RangeError} If an address is no IP address of its family. */
export function encodeExtensionHandshake(
  handshake: ExtensionHandshakeFields & {
    readonly ids?: ReadonlyMap<string, number>;
  },
): Uint8Array<ArrayBuffer> {
  return encode({
    complete_ago: handshake.completeAgo,
    e: flag(handshake.prefersEncryption),
    ipv4: encodeIp(handshake.ipv4, 4),
    ipv6: encodeIp(handshake.ipv6, 16),
    m: handshake.ids ?? {},
    metadata_size: handshake.metadataSize,
    p: handshake.listenPort,
    reqq: handshake.requestQueue,
    upload_only: flag(handshake.uploadOnly),
    v: handshake.client,
    yourip: encodeIp(handshake.yourIp, 4, 16),
  });
}

/**
 * Reads an extension handshake. What is of another type than it should be, or out of range, is left out: clients put
 * all kinds of things there.
 *
 * @throws {DecodeError} If the bytes are no bencoded dictionary.
 */
export function decodeExtensionHandshake(bytes: Uint8Array): ExtensionHandshake {
  const dictionary = decodeDictionary(bytes, LIMITS);
  const fields = {
    ids: readIds(dictionary.get("m")),
    client: readText(dictionary.get("v")),
    listenPort: readNumber(dictionary.get("p"), 1, 65535),
    yourIp: readIp(dictionary.get("yourip"), 4, 16),
    ipv4: readIp(dictionary.get("ipv4"), 4),
    ipv6: readIp(dictionary.get("ipv6"), 16),
    requestQueue: readNumber(dictionary.get("reqq"), 0),
    metadataSize: readNumber(dictionary.get("metadata_size"), 1),
    uploadOnly: readFlag(dictionary.get("upload_only")),
    completeAgo: readNumber(dictionary.get("complete_ago"), 0),
    prefersEncryption: readFlag(dictionary.get("e")),
  };
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { type: "extensionHandshake", ...Object.fromEntries(present) };
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function encodeIp(host: string | undefined, ...lengths: number[]): Uint8Array | undefined {
  if (host === undefined) return undefined;
  const bytes = parseIp(host);
  if (bytes === undefined || !lengths.includes(bytes.length)) {
    throw new RangeError(
      `Cannot encode extension handshake: "${host}" is no IP address of ${lengths.join(" or ")} bytes`,
    );
  }
  return bytes;
}

function readIds(value: BencodeValue | undefined): ReadonlyMap<string, number> | undefined {
  if (!(value instanceof BencodeDictionary)) return undefined;
  const ids = new Map<string, number>();
  for (const [name, id] of value.entries()) {
    const valid = readNumber(id, 0, 255);
    if (valid !== undefined) ids.set(name, valid);
  }
  return ids;
}

function readText(value: BencodeValue | undefined): string | undefined {
  return value instanceof Uint8Array ? decodeUtf8(value) : undefined;
}

function readNumber(value: BencodeValue | undefined, least: number, most = Infinity): number | undefined {
  return typeof value === "number" && value >= least && value <= most ? value : undefined;
}

function readFlag(value: BencodeValue | undefined): boolean | undefined {
  return typeof value === "number" ? value !== 0 : undefined;
}

function readIp(value: BencodeValue | undefined, ...lengths: number[]): string | undefined {
  return value instanceof Uint8Array && lengths.includes(value.length) ? formatIp(value) : undefined;
}
