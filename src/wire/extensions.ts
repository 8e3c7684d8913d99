/**
 * The extensions that ride on the extension protocol (BEP 10): one row per name, and the ids that the two sides of a
 * connection gave them.
 */

import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  type ExtensionHandshake,
} from "./messages/extension.ts";
import { decodeDontHave, type DontHaveMessage, encodeDontHave } from "./messages/dont_have.ts";
import { decodeHolepunch, encodeHolepunch, type HolepunchMessage } from "./messages/holepunch.ts";
import { decodeMetadata, encodeMetadata, type MetadataMessage } from "./messages/metadata.ts";
import { decodePex, encodePex, type PexMessage } from "./messages/pex.ts";
import { decodeUploadOnly, encodeUploadOnly, type UploadOnlyMessage } from "./messages/upload_only.ts";

/** A message of an extension that this library does not know: see {@linkcode ExtensionCodec}. */
export interface CustomMessage {
  /** Tells it from the other extension messages. */
  readonly type: "custom";
  /** Name of the extension, as in `m`. */
  readonly extension: string;
  /** What the extension's codec makes of the payload. */
  readonly value: unknown;
}

/** A message of a known extension. */
export type KnownExtensionMessage =
  | MetadataMessage
  | PexMessage
  | DontHaveMessage
  | HolepunchMessage
  | UploadOnlyMessage;

/** Everything that can come in an `extended` message, one variant per message. */
export type ExtensionMessage = ExtensionHandshake | KnownExtensionMessage | CustomMessage;

/** An extension: its name in `m`, and its payloads. {@linkcode customExtension} makes one of your own. */
export interface ExtensionCodec {
  /** The name in `m`, a byte string. */
  readonly name: string;
  /** Incoming messages count only if the peer, too, lists the extension. */
  readonly mutual?: boolean;
  /** Writes the payload of a message; called with this extension's messages only. */
  encode(message: ExtensionMessage): Uint8Array;
  /**
   * Reads a payload; `undefined` if it is to be ignored. The bytes are valid during the call only.
   *
   * @throws {DecodeError} If the peer broke the extension's rules: its connection is closed.
   */
  decode(payload: Uint8Array): ExtensionMessage | undefined;
}

/** The extensions that this library knows, one row each. */
export const EXTENSIONS: Readonly<Record<ExtensionName, ExtensionCodec>> = {
  ut_metadata: { name: "ut_metadata", encode: encodeMetadata, decode: decodeMetadata },
  ut_pex: { name: "ut_pex", encode: encodePex, decode: decodePex },
  // BEP 55 "implementation notes": a sender that does not list it MUST be ignored.
  ut_holepunch: { name: "ut_holepunch", mutual: true, encode: encodeHolepunch, decode: decodeHolepunch },
  lt_donthave: { name: "lt_donthave", encode: encodeDontHave, decode: decodeDontHave },
  upload_only: { name: "upload_only", encode: encodeUploadOnly, decode: decodeUploadOnly },
};

/** The name of an extension that this library knows. */
export type ExtensionName = "ut_metadata" | "ut_pex" | "ut_holepunch" | "lt_donthave" | "upload_only";

/** Which extension a message belongs to. */
const EXTENSION_OF: Readonly<Record<KnownExtensionMessage["type"], ExtensionName>> = {
  metadataRequest: "ut_metadata",
  metadataData: "ut_metadata",
  metadataReject: "ut_metadata",
  pex: "ut_pex",
  holepunchRendezvous: "ut_holepunch",
  holepunchConnect: "ut_holepunch",
  holepunchError: "ut_holepunch",
  dontHave: "lt_donthave",
  uploadOnly: "upload_only",
};

/** How an extension of one's own writes and reads its payloads. */
export interface CustomCodec<T> {
  /** Writes a payload. */
  encode(value: T): Uint8Array;
  /** Reads a payload, as {@linkcode ExtensionCodec.decode} does. */
  decode(payload: Uint8Array): T | undefined;
}

/** Makes an extension of one's own: its messages are {@linkcode CustomMessage}s with this name. */
export function customExtension<T>(name: string, codec: CustomCodec<T>): ExtensionCodec {
  return {
    name,
    encode: (message) => codec.encode((message as CustomMessage).value as T),
    decode(payload) {
      const value = codec.decode(payload);
      return value === undefined ? undefined : { type: "custom", extension: name, value };
    },
  };
}

/** Ids are one byte, and 0 is the handshake. */
const MOST_IDS = 255;

/** Names without a codec that are remembered in case one comes later, and their length: clients list a dozen short ones. */
const MOST_UNKNOWN = 64, LONGEST_UNKNOWN = 64;

/** What one connection knows about extensions: the ids we gave for receiving, the ids the peer gave for sending. */
export class ExtensionTable {
  readonly #codecs: Map<string, ExtensionCodec> = new Map(Object.entries(EXTENSIONS));
  /** Our ids, by name: what the peer sends us with. */
  readonly #ours = new Map<string, number>();
  readonly #receiving = new Map<number, ExtensionCodec>();
  /** The peer's ids, by name: what we send with. */
  readonly #theirs = new Map<string, number>();
  /** The last id that was given: others come first, so that what is on its way is not taken for something else. */
  #lastId = 0;

  /** Gives ids from 1 on to the extensions on offer. @throws {RangeError} If there are more than 255. */
  constructor(offered: readonly (ExtensionName | ExtensionCodec)[] = []) {
    for (const extension of offered) {
      this.add(typeof extension === "string" ? EXTENSIONS[extension] : extension);
    }
  }

  /**
   * Offers one more extension from now on; answers the id it got, which the peer must hear in an extension handshake, or
   * `undefined` if it is on offer already.
   *
   * @throws {RangeError} If there are 255 already.
   */
  add(codec: ExtensionCodec): number | undefined {
    this.#codecs.set(codec.name, codec);
    const id = this.#ours.get(codec.name);
    if (id === undefined) return this.#assign(codec.name, this.#freeId());
    this.#receiving.set(id, codec);
    return undefined;
  }

  /** Our `m` as it stands: what our first extension handshake says. */
  get ids(): ReadonlyMap<string, number> {
    return new Map(this.#ours);
  }

  /** Whether the peer understands an extension now. */
  isUnderstood(name: string): boolean {
    return this.#theirs.has(name) && this.#codecs.has(name);
  }

  /**
   * Writes the id and payload of an `extended` message, or `undefined` if the peer does not understand it: before its
   * own handshake came it understands nothing else. Ids in an extension handshake of ours hold from now on.
   *
   * @throws {RangeError} If a field cannot be encoded, or an extension is switched on that has no codec.
   */
  encode(message: ExtensionMessage): { readonly id: number; readonly payload: Uint8Array } | undefined {
    if (message.type === "extensionHandshake") {
      for (const [name, id] of [...message.ids ?? []]) this.#assign(name, id); // it may be our own table
      return { id: EXTENSION_HANDSHAKE_ID, payload: encodeExtensionHandshake(message) };
    }
    const name = message.type === "custom" ? message.extension : EXTENSION_OF[message.type];
    const id = this.#theirs.get(name), codec = this.#codecs.get(name);
    return id === undefined || codec === undefined ? undefined : { id, payload: codec.encode(message) };
  }

  /**
   * Reads the payload of an `extended` message; `undefined` if it is to be ignored, like all with an id we never gave.
   *
   * @throws {DecodeError} If the payload is broken.
   */
  decode(id: number, payload: Uint8Array): ExtensionMessage | undefined {
    if (id === EXTENSION_HANDSHAKE_ID) return this.#learn(decodeExtensionHandshake(payload));
    const codec = this.#receiving.get(id);
    if (codec === undefined || (codec.mutual && !this.isUnderstood(codec.name))) return undefined;
    return codec.decode(payload);
  }

  /** `m` is additive: names not mentioned stay, 0 switches off (BEP 10 "handshake message"). */
  #learn(handshake: ExtensionHandshake): ExtensionHandshake {
    for (const [name, id] of handshake.ids ?? []) {
      if (id === 0) this.#theirs.delete(name);
      else if (this.#isRemembered(name)) this.#theirs.set(name, id);
    }
    return handshake;
  }

  /** The peer cannot fill our memory. */
  #isRemembered(name: string): boolean {
    if (this.#codecs.has(name) || this.#theirs.has(name)) return true;
    return name.length <= LONGEST_UNKNOWN && this.#theirs.size < this.#codecs.size + MOST_UNKNOWN;
  }

  #assign(name: string, id: number): number {
    const codec = this.#codecs.get(name), old = this.#ours.get(name);
    if (codec === undefined || id > MOST_IDS) {
      throw new RangeError(`Cannot give extension "${name}" the id ${id}`);
    }
    if (old !== undefined) this.#receiving.delete(old);
    this.#ours.delete(name);
    if (id === 0) return id;
    this.#lastId = Math.max(this.#lastId, id);
    this.#ours.set(name, id);
    this.#receiving.set(id, codec);
    return id;
  }

  #freeId(): number {
    if (this.#lastId < MOST_IDS) return this.#lastId + 1;
    for (let id = 1; id <= MOST_IDS; id++) if (!this.#receiving.has(id)) return id;
    return MOST_IDS + 1;
  }
}
