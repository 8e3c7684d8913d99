/** Extensions of one's own that ride on the extension protocol (BEP 10), as a client's user writes them. */

import type { PeerAddress } from "../peer/address.ts";
import { EXTENSIONS } from "../wire/extensions.ts";

/** A connected peer, as the handler of one extension sees it. The same object for as long as the connection lives. */
export interface ExtensionPeer<T> {
  /** The torrent, 40 hex digits. */
  readonly infoHash: string;
  /** The other end of the connection. */
  readonly address: PeerAddress;
  /** The peer's id, 20 bytes (BEP 20). */
  readonly peerId: Uint8Array;
  /** Whether the peer understands the extension now: a later handshake of its may switch it on or off. */
  readonly isListening: boolean;
  /**
   * Sends a message. `false` if nothing was sent: the peer does not understand the extension, is gone, or reads so slowly
   * that too much waits for it already.
   *
   * @throws {RangeError} If the payload is longer than {@linkcode LONGEST_PAYLOAD}.
   * @throws What the extension's `encode` throws.
   */
  send(value: T): boolean;
}

/**
 * An extension of one's own: a name, a codec, and what is to be done. Callbacks of one torrent are called one at a time, but
 * promises are not waited for; what they throw, or reject with, becomes a `warning` event and ends nothing.
 */
export interface PeerExtension<T> {
  /**
   * The name in `m`: 3 to 64 visible ASCII characters, by custom with a prefix of one's own, such as `xy_chat` (BEP 10
   * "handshake message").
   */
  readonly name: string;
  /** Writes a payload. */
  encode(value: T): Uint8Array;
  /**
   * Reads a payload, which is the callee's to keep; `undefined` ignores it. Another error than a `DecodeError` becomes a
   * `warning` event, and the message is ignored.
   *
   * @throws {DecodeError} If the peer broke the rules: its connection is closed.
   */
  decode(payload: Uint8Array<ArrayBuffer>): T | undefined;
  /** A peer understands the extension from now on. */
  onPeer?(peer: ExtensionPeer<T>): void | Promise<void>;
  /** A peer, who may not understand the extension itself, sent a message. */
  onMessage?(value: T, peer: ExtensionPeer<T>): void | Promise<void>;
  /** A peer of `onPeer` is gone, or does not understand the extension any more. */
  onPeerGone?(peer: ExtensionPeer<T>): void | Promise<void>;
}

/** Bytes of the longest payload that is sent, and that may wait for a slow peer: half of what ends its connection. */
export const LONGEST_PAYLOAD: number = 512 * 1024;

/** How many extensions of one's own there can be: ids are one byte, and the client's own extensions need some. */
const MOST_EXTENSIONS = 200;

/** BEP 10 "handshake message": "All one and two byte identifiers are invalid". */
const NAME = /^[\x21-\x7e]{3,64}$/;

/** Throws unless these extensions can be offered together. @throws {TypeError} If a name is invalid or taken. */
export function requireExtensions(extensions: readonly Pick<PeerExtension<unknown>, "name">[]): void {
  const names = new Set<string>(Object.keys(EXTENSIONS));
  if (extensions.length > MOST_EXTENSIONS) {
    throw new TypeError(`Cannot use ${extensions.length} extensions: ids are one byte`);
  }
  for (const { name } of extensions) {
    if (!NAME.test(name)) {
      throw new TypeError(
        `Cannot use extension "${name}": a name has 3 to 64 visible ASCII characters`,
      );
    }
    if (names.has(name)) throw new TypeError(`Cannot use extension "${name}": there is one of this name`);
    names.add(name);
  }
}
