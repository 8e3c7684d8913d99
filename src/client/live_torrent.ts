/**
 * A torrent whose content moves: carries out what the torrent machine decides, with connections and a store, and tells the machine
 * what came of it. Inputs are handled one at a time, so that nothing re-enters.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { StorageError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import { WakeTimer } from "../io/wake_timer.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerSnapshot, TorrentStats } from "../torrent/snapshot.ts";
import { Torrent } from "../torrent/torrent.ts";
import type { PieceGeometry, TorrentOptions } from "../torrent/options.ts";
import type { TorrentEffect, TorrentInput } from "../torrent/vocabulary.ts";
import type { PeerMessage } from "../wire/messages/message.ts";
import type { ClientContext } from "./client_context.ts";
import { DiskBacklog } from "./disk_backlog.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { LivePeers } from "./live_peers.ts";
import type { PeerDesk } from "./peer_desk.ts";
import { geometryOf, leavesOf } from "./piece_geometry.ts";

type Effect<T extends TorrentEffect["type"]> = Extract<TorrentEffect, { type: T }>;

/** What a live torrent tells the session around it: what the machine decided that is no matter of peers, and faults of the disk. */
export type ContentNews =
  | Effect<"pieceCompleted">
  | Effect<"pieceLost">
  | Effect<"completed">
  | Effect<"layerFound">
  | Effect<"webFetch">
  | Effect<"webAbort">
  | Effect<"webSeedDiscarded">
  /** Content cannot be read or written. */
  | { readonly type: "storeFailed"; readonly error: Error };

/** What a live torrent is made from. */
export interface LiveTorrentOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** The connections. */
  readonly desk: PeerDesk;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** The content. */
  readonly store: PieceStore;
  /** For the machine, besides what the torrent and the client say. */
  readonly torrent: Omit<TorrentOptions, "geometry" | "peerId" | "random" | "buffers" | "limits">;
  /** Hears of everything that is not about peers, in its order. */
  readonly onNews: (news: ContentNews) => void;
}

/** Joins the torrent machine with the world. */
export class LiveTorrent {
  /** The host of its connections. */
  readonly host: LivePeers;
  readonly #options: LiveTorrentOptions;
  readonly #geometry: PieceGeometry;
  readonly #machine: Torrent;
  readonly #timer: WakeTimer;
  readonly #backlog: DiskBacklog;
  #inputs: TorrentInput[] = [];
  #isHandling = false;
  #isClosed = false;

  /** Starts the machine; nothing happens before the first input. */
  constructor(options: LiveTorrentOptions) {
    const { context, metainfo, store } = options;
    this.#options = options;
    this.#geometry = geometryOf(metainfo.info);
    this.#machine = new Torrent({
      ...options.torrent,
      geometry: this.#geometry,
      peerId: context.peerId,
      random: context.random,
      buffers: store.buffers,
      limits: { maxPeers: context.maxConnectionsPerTorrent },
    }, this.#now());
    this.#timer = new WakeTimer({
      clock: context.clock,
      machine: this.#machine,
      onDue: () => this.dispatch({ type: "tick" }),
    });
    this.#backlog = new DiskBacklog(metainfo.info.pieceLength);
    this.host = new LivePeers({ ...options, clock: context.clock, torrent: this });
  }

  /** Counters and rates. */
  stats(): TorrentStats {
    return this.#machine.stats(this.#now());
  }

  /** Every connection as it is now. */
  peers(): PeerSnapshot[] {
    return this.#machine.peers(this.#now());
  }

  /** The verified pieces, as a copy. */
  have(): Bitfield {
    return this.#machine.have();
  }

  /** Whether a piece is ours. */
  hasPiece(piece: number): boolean {
    return this.#machine.hasPiece(piece);
  }

  /** Whether it shows each peer one piece at a time (BEP 16). */
  get isSuperSeeding(): boolean {
    return this.#machine.isSuperSeeding;
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
        this.#performAll(this.#machine.handle(next, this.#now()));
      }
    } finally {
      this.#isHandling = false;
    }
    this.#timer.update();
  }

  /** Settles when peers may be read: while much waits for the disk, they may not (back-pressure). */
  mayRead(): Promise<void> | undefined {
    return this.#backlog.mayRead();
  }

  /** Settles once everything that is being written now is written, and the machine knows. */
  written(): Promise<void> {
    return this.#backlog.settled();
  }

  /** Forgets the machine; connections are the desk's matter. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#timer.close();
    this.host.clear();
    this.#backlog.close();
  }

  /** Performs effects in their order; messages in a row to the same peer are encoded together. */
  #performAll(effects: readonly TorrentEffect[]): void {
    for (let at = 0; at < effects.length;) {
      const effect = effects[at]!, messages = messagesInARow(effects, at);
      if (effect.type === "send" && messages.length > 1) this.host.sendAll(effect.peer, messages);
      else this.#perform(effect);
      at += Math.max(1, messages.length);
    }
  }

  #perform(effect: TorrentEffect): void {
    const { desk, life, onNews } = this.#options;
    switch (effect.type) {
      case "send":
      case "read":
      case "dontHave":
      case "close":
        return this.host.perform(effect);
      case "store":
        return this.#backlog.add(this.#store(effect));
      case "dial":
        return void desk.dial(effect.address);
      case "ban":
        return life.ban(effect.host, effect.reason);
      default:
        return onNews(effect);
    }
  }

  async #store({ piece, bytes }: Effect<"store">): Promise<void> {
    const { onNews, store } = this.#options;
    try {
      if (await store.store(piece, bytes) === "stored") return this.dispatch({ type: "pieceStored", piece });
      const leaves = await leavesOf(this.#geometry, piece, bytes);
      this.dispatch({ type: "pieceCorrupt", piece, ...(leaves && { leaves }) });
    } catch (error) {
      this.dispatch({ type: "storeFailed", piece });
      if (!this.#isClosed) onNews({ type: "storeFailed", error: asStorageError(error) });
    }
  }

  #now(): number {
    return this.#options.context.clock.now();
  }
}

/** The messages of `send` effects from an index on, as far as they follow each other and go to one peer. */
function messagesInARow(effects: readonly TorrentEffect[], from: number): readonly PeerMessage[] {
  const first = effects[from]!, second = effects[from + 1];
  if (first.type !== "send") return [];
  if (second?.type !== "send" || second.peer !== first.peer) return [first.message];
  const messages: PeerMessage[] = [];
  for (let at = from; at < effects.length; at++) {
    const effect = effects[at]!;
    if (effect.type !== "send" || effect.peer !== first.peer) break;
    messages.push(effect.message);
  }
  return messages;
}

function asStorageError(error: unknown): Error {
  return error instanceof Error ? error : new StorageError(String(error));
}
