/** The connections of a torrent, by key and by who they are. */

import { encodeHex } from "../bytes/text.ts";
import type { Peer } from "./peer.ts";
import type { PeerKey } from "./vocabulary.ts";

/** All connections. Invariant: no two have the same peer id. */
export class PeerTable {
  readonly #byKey = new Map<PeerKey, Peer>();
  readonly #byPeerId = new Map<string, Peer>();

  /** Number of connections. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The connection of that key. */
  get(key: PeerKey): Peer | undefined {
    return this.#byKey.get(key);
  }

  /** The connection to that peer. */
  withPeerId(peerId: Uint8Array): Peer | undefined {
    return this.#byPeerId.get(encodeHex(peerId));
  }

  /** The connections to that host, as a copy. */
  withHost(host: string): Peer[] {
    return this.toArray().filter((peer) => peer.address.host === host);
  }

  /** Every connection, oldest first; the table must not change meanwhile. */
  all(): Iterable<Peer> {
    return this.#byKey.values();
  }

  /** Every connection, oldest first, as a copy. */
  toArray(): Peer[] {
    return [...this.#byKey.values()];
  }

  /** Adds a connection whose key and peer id are new. */
  add(peer: Peer): void {
    this.#byKey.set(peer.key, peer);
    this.#byPeerId.set(encodeHex(peer.peerId), peer);
  }

  /** Removes a connection. */
  remove(peer: Peer): void {
    this.#byKey.delete(peer.key);
    this.#byPeerId.delete(encodeHex(peer.peerId));
  }
}
