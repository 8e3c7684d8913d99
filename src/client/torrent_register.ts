/** Every torrent of a client, by the names that peers call it (BEP 52 "infohash", "upgrade path"). */

import { encodeHex } from "../bytes/text.ts";
import { StateError } from "../errors.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { SkeyIndex } from "../mse/skey_index.ts";
import type { TorrentHandle } from "./torrent_handle.ts";
import { TorrentNames } from "./torrent_names.ts";
import type { TorrentSession } from "./torrent_session.ts";

/** A torrent, and what the user holds of it. */
export interface RegisteredTorrent {
  readonly session: TorrentSession;
  readonly handle: TorrentHandle;
}

/** Knows which torrents are here, and which one a peer means. */
export class TorrentRegister {
  readonly #torrents = new Map<string, RegisteredTorrent>();
  readonly #skeys: SkeyIndex;

  /** Begins empty; `skeys` learns the names that encrypted handshakes give the torrents. */
  constructor(skeys: SkeyIndex) {
    this.#skeys = skeys;
  }

  /** Every torrent, in the order of adding. */
  get all(): readonly RegisteredTorrent[] {
    return [...this.#torrents.values()];
  }

  /** The torrent that a user holds, if it is still here. */
  sessionOf(handle: TorrentHandle): TorrentSession | undefined {
    const found = this.#torrents.get(handle.infoHash);
    return found?.handle === handle ? found.session : undefined;
  }

  /**
   * The torrents that peers call so, in hexadecimal. A hybrid has a second name, which it may have learnt late: of two links to
   * it both are here, though one has failed.
   */
  *named(infoHash: string): Generator<TorrentSession> {
    const first = this.#torrents.get(infoHash)?.session;
    if (first) yield first;
    for (const { session } of this.#torrents.values()) {
      if (session !== first && session.swarm.names.has(infoHash)) yield session;
    }
  }

  /**
   * Makes sure that a torrent that is to be added has no name of another; one that has learnt its names, of none that has done
   * so before.
   *
   * @throws {StateError} If it is here already.
   */
  requireNew(torrent: Metainfo | MagnetLink, self?: TorrentSession): void {
    for (const infoHash of new TorrentNames(torrent).all().map(encodeHex)) {
      if (this.named(infoHash).some((session) => !self || session !== self && session.swarm.isKnown)) {
        throw new StateError(`Cannot add torrent ${infoHash}: it is here already`);
      }
    }
  }

  /** A torrent is here from now on. */
  add(torrent: RegisteredTorrent): void {
    this.#torrents.set(torrent.handle.infoHash, torrent);
    for (const name of torrent.session.swarm.names.all()) this.#skeys.add(name);
  }

  /** A torrent is here no longer. Answers whether it was. */
  delete(handle: TorrentHandle): boolean {
    const session = this.sessionOf(handle);
    if (session === undefined) return false;
    this.#torrents.delete(handle.infoHash);
    for (const name of session.swarm.names.all()) {
      if (this.named(encodeHex(name)).next().done) this.#skeys.delete(name);
    }
    return true;
  }

  /** No torrent is here any more. */
  clear(): void {
    this.#torrents.clear();
  }
}
