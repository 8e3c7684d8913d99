/** Which torrent an encrypted handshake asks for. */

import { encodeHex } from "../bytes/text.ts";
import { skeyHash } from "./keys.ts";

/** Info hashes by the name that MSE gives them: one look-up per incoming connection, however many torrents there are. */
export class SkeyIndex {
  readonly #infoHashes = new Map<string, Uint8Array>();

  /** Adds a torrent; a hybrid one with each of its info hashes (BEP 52), 20 bytes each. */
  add(infoHash: Uint8Array): void {
    this.#infoHashes.set(encodeHex(skeyHash(infoHash)), infoHash.slice());
  }

  /** Takes a torrent away. */
  delete(infoHash: Uint8Array): void {
    this.#infoHashes.delete(encodeHex(skeyHash(infoHash)));
  }

  /** The info hash that an `skey` effect asks for; `undefined` if we have no such torrent. */
  find(hash: Uint8Array): Uint8Array | undefined {
    return this.#infoHashes.get(encodeHex(hash));
  }
}
