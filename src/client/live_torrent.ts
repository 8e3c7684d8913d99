/**
 * A torrent at work: carries out what the torrent machine decides, with sockets and a store, and tells the machine
 * what came of it. Inputs are handled one at a time, so that nothing re-enters.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { StorageError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import type { Clock } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { PeerSnapshot, TorrentStats } from "../torrent/snapshot.ts";
import { Torrent } from "../torrent/torrent.ts";
import type { TorrentOptions } from "../torrent/options.ts";
import type { PeerKey, TorrentEffect, TorrentInput } from "../torrent/vocabulary.ts";
import type { PeerMessage } from "../wire/messages/message.ts";
import type { PeerSocket } from "./peer_socket.ts";

/** Open `store` effects above which peers are not read any more: TCP then slows them down. */
const MOST_OPEN_STORES = 64;

/** What a live torrent tells the session around it. */
export interface LiveTorrentHost {
  /** Open a connection; answer with `opened` or `dialFailed`. */
  dial(address: PeerAddress): void;
  /** Never talk to this host again. */
  banned(host: string, reason: string): void;
  /** A piece is verified and written. */
  pieceCompleted(piece: number): void;
  /** A piece is ours no longer. */
  pieceLost(piece: number): void;
  /** Every wanted piece is there. */
  completed(): void;
  /** A connection is over. */
  peerClosed(socket: PeerSocket, reason: string): void;
  /** Content cannot be read or written. */
  storeFailed(error: Error): void;
}

/** What a live torrent is made from. */
export interface LiveTorrentOptions {
  /** For the machine. */
  readonly torrent: TorrentOptions;
  /** The content. */
  readonly store: PieceStore;
  /** Time. */
  readonly clock: Clock;
  /** Who is told. */
  readonly host: LiveTorrentHost;
}

type Effect<T extends TorrentEffect["type"]> = Extract<TorrentEffect, { type: T }>;

/** Joins the torrent machine with the world. */
export class LiveTorrent {
  readonly #machine: Torrent;
  readonly #store: PieceStore;
  readonly #clock: Clock;
  readonly #host: LiveTorrentHost;
  readonly #sockets = new Map<PeerKey, PeerSocket>();
  #inputs: TorrentInput[] = [];
  #isHandling = false;
  #isClosed = false;
  #wakeAt = Infinity;
  #cancelWake: () => void = () => {};
  #readers: (() => void)[] = [];

  /** Starts the machine; nothing happens before the first input. */
  constructor(options: LiveTorrentOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#host = options.host;
    this.#machine = new Torrent(options.torrent, options.clock.now());
  }

  /** Counters and rates. */
  stats(): TorrentStats {
    return this.#machine.stats(this.#clock.now());
  }

  /** Every connection as it is now. */
  peers(): PeerSnapshot[] {
    return this.#machine.peers(this.#clock.now());
  }

  /** The verified pieces, as a copy. */
  have(): Bitfield {
    return this.#machine.have();
  }

  /** Whether every wanted piece is there. */
  get isComplete(): boolean {
    return this.#machine.isComplete;
  }

  /** Tells the machine. Inputs that come while one is being handled wait for their turn. */
  dispatch(input: TorrentInput): void {
    if (this.#isClosed) return;
    if (this.#isHandling) {
      this.#inputs.push(input);
      return;
    }
    this.#isHandling = true;
    try {
      for (let next: TorrentInput | undefined = input; next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#machine.handle(next, this.#clock.now())) this.#perform(effect);
      }
    } finally {
      this.#isHandling = false;
    }
    this.#scheduleWake();
  }

  /** Takes over a connection whose handshakes are exchanged. */
  adopt(socket: PeerSocket, input: Extract<TorrentInput, { type: "peerConnected" }>): void {
    if (this.#isClosed) return socket.close();
    this.#sockets.set(input.peer, socket);
    this.dispatch(input);
  }

  /** A message came; views inside it are valid during the call only. */
  receive(peer: PeerKey, message: PeerMessage): void {
    if (this.#sockets.has(peer)) this.dispatch({ type: "peerMessage", peer, message });
  }

  /** A connection ended by itself. */
  lost(peer: PeerKey): void {
    if (this.#sockets.delete(peer)) this.dispatch({ type: "peerClosed", peer });
  }

  /** Settles when peers may be read: while much waits for the disk, they may not (back-pressure). */
  mayRead(): Promise<void> | undefined {
    if (this.#machine.openStores <= MOST_OPEN_STORES || this.#isClosed) return undefined;
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Ends all connections and forgets the machine. Safe to call twice. */
  close(reason: string): void {
    this.#isClosed = true;
    this.#cancelWake();
    for (const socket of this.#sockets.values()) this.#end(socket, reason);
    this.#sockets.clear();
    this.#releaseReaders();
  }

  #perform(effect: TorrentEffect): void {
    switch (effect.type) {
      case "send":
        return this.#sockets.get(effect.peer)?.send(effect.message);
      case "read":
        return this.#sockets.get(effect.peer)?.sendBlock(effect);
      case "store":
        return void this.#storePiece(effect);
      case "close":
        return this.#closePeer(effect);
      case "dial":
        return this.#host.dial(effect.address);
      case "ban":
        return this.#host.banned(effect.host, effect.reason);
      case "pieceCompleted":
        return this.#host.pieceCompleted(effect.piece);
      case "pieceLost":
        return this.#host.pieceLost(effect.piece);
      case "completed":
        return this.#host.completed();
    }
  }

  #closePeer({ peer, reason }: Effect<"close">): void {
    const socket = this.#sockets.get(peer);
    this.#sockets.delete(peer);
    if (socket) this.#end(socket, reason);
  }

  #end(socket: PeerSocket, reason: string): void {
    socket.close();
    this.#host.peerClosed(socket, reason);
  }

  async #storePiece({ piece, bytes }: Effect<"store">): Promise<void> {
    try {
      const result = await this.#store.store(piece, bytes);
      this.dispatch({ type: result === "stored" ? "pieceStored" : "pieceCorrupt", piece });
    } catch (error) {
      this.dispatch({ type: "storeFailed", piece });
      if (!this.#isClosed) this.#host.storeFailed(asStorageError(error));
    }
    if (this.#machine.openStores <= MOST_OPEN_STORES) this.#releaseReaders();
  }

  #releaseReaders(): void {
    for (const release of this.#readers.splice(0)) release();
  }

  /** One timer for the earliest deadline; it is moved only when the machine wants to be called sooner. */
  #scheduleWake(): void {
    const deadline = this.#machine.deadline() ?? Infinity;
    if (this.#isClosed || deadline >= this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = deadline;
    this.#cancelWake = this.#clock.schedule(deadline, () => {
      this.#wakeAt = Infinity;
      const due = this.#machine.deadline();
      if (due !== undefined && due <= this.#clock.now()) this.dispatch({ type: "tick" });
      else this.#scheduleWake();
    });
  }
}

function asStorageError(error: unknown): Error {
  return error instanceof Error ? error : new StorageError(String(error));
}
