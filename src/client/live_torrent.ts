/**
 * A torrent whose content moves: carries out what the torrent machine decides, with sockets and a store, and tells the machine
 * what came of it. Inputs are handled one at a time, so that nothing re-enters.
 */

import type { Bitfield } from "../bytes/bitfield.ts";
import { StorageError } from "../errors.ts";
import type { PieceStore } from "../io/storage.ts";
import type { Clock } from "../io/transport.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { PeerSnapshot, TorrentStats } from "../torrent/snapshot.ts";
import { Torrent } from "../torrent/torrent.ts";
import type { TorrentOptions } from "../torrent/options.ts";
import type { PeerKey, TorrentEffect, TorrentInput } from "../torrent/vocabulary.ts";
import { allowedFastSet } from "../wire/allowed_fast.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { ExtensionHandshakeFields } from "../wire/messages/extension.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import { HashShare } from "./hash_share.ts";
import { MetadataShare } from "./metadata_share.ts";
import type { PeerDesk } from "./peer_desk.ts";
import type { PeerHost } from "./peer_host.ts";
import type { Opening, PeerSocket } from "./peer_socket.ts";
import { TorrentNames } from "./torrent_names.ts";
import type { WebSeedEffect } from "./web_seed_runner.ts";

/**
 * Bytes on their way to the disk above which peers are not read any more: TCP then slows them down. Enough to keep
 * workers and disk busy; more would only be memory, and memory that was used long ago is slow.
 */
const MOST_STORING_BYTES = 8 << 20;
/** Pieces that may be on their way however long they are, and however short. */
const MIN_STORES = 2, MAX_STORES = 64;

/** Time between two looks at what is in memory: it is advice, and a look at a full cache takes microseconds. */
const ADVISE_EVERY_MS = 1000;

/** What a live torrent tells the session around it. */
export interface LiveTorrentHost {
  /** Never talk to this host again. */
  banned(host: string, reason: string): void;
  /** A piece is verified and written. */
  pieceCompleted(piece: number): void;
  /** A piece is ours no longer. */
  pieceLost(piece: number): void;
  /** Every wanted piece is there. */
  completed(): void;
  /** The piece layer of a file came from peers; to be answered by `layerReady` (BEP 52). */
  layerFound(piecesRoot: Uint8Array, hashes: Uint8Array): void;
  /** Content cannot be read or written. */
  storeFailed(error: Error): void;
  /** The machine asks something of web seeds. */
  webSeed(effect: WebSeedEffect): void;
}

/** What a live torrent is made from. */
export interface LiveTorrentOptions {
  /** For the machine. */
  readonly torrent: TorrentOptions;
  /** The content. */
  readonly store: PieceStore;
  /** The connections. */
  readonly desk: PeerDesk;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** Time. */
  readonly clock: Clock;
  /** Who is told. */
  readonly host: LiveTorrentHost;
}

type Effect<T extends TorrentEffect["type"]> = Extract<TorrentEffect, { type: T }>;

/** Joins the torrent machine with the world. */
export class LiveTorrent implements PeerHost {
  readonly #machine: Torrent;
  readonly #mostOpenStores: number;
  readonly #options: LiveTorrentOptions;
  /** What peers get besides content. */
  readonly #shares: { readonly metadata: MetadataShare; readonly hashes: HashShare };
  readonly #sockets = new Map<PeerKey, PeerSocket>();
  #inputs: TorrentInput[] = [];
  #isHandling = false;
  #isClosed = false;
  #wakeAt = Infinity;
  #adviseAt = -Infinity;
  #cancelWake: () => void = () => {};
  #readers: (() => void)[] = [];
  readonly #storing = new Set<Promise<void>>();

  /** Starts the machine; nothing happens before the first input. */
  constructor(options: LiveTorrentOptions) {
    this.#options = options;
    this.#machine = new Torrent(options.torrent, options.clock.now());
    const { pieceLength } = options.torrent.geometry;
    this.#mostOpenStores = Math.min(MAX_STORES, Math.max(MIN_STORES, MOST_STORING_BYTES / pieceLength));
    const hashes = new HashShare({
      metainfo: options.metainfo,
      has: (piece) => this.#machine.hasPiece(piece),
      read: (piece, begin, into) => options.store.read(piece, begin, into),
    });
    this.#shares = { metadata: new MetadataShare(options.metainfo), hashes };
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
    this.#scheduleWake();
  }

  /** Introduces a peer to the machine. */
  adopt(socket: PeerSocket, { infoHash, peerId, fast, extended }: Opening): void {
    const { address, direction, key: peer } = socket, allowedFast = fast ? this.#allowedFast(address) : [];
    const v2 = new TorrentNames(this.#options.metainfo).isV2(infoHash);
    this.#sockets.set(peer, socket);
    this.dispatch({
      type: "peerConnected",
      peer,
      address,
      direction,
      peerId,
      fast,
      extended,
      v2,
      allowedFast,
    });
  }

  /** Hands a message to the machine, and answers who asks for hashes; views inside it are valid during the call only. */
  message(socket: PeerSocket, message: PeerMessage): void {
    const { key: peer } = socket;
    if (message.type === "hashRequest") return void this.#shares.hashes.answer(socket, message);
    this.dispatch({ type: "peerMessage", peer, message });
  }

  /** Hands the facts of an extension message to the machine, and answers who asks for metadata. */
  extension(socket: PeerSocket, message: ExtensionMessage): void {
    const { key: peer } = socket;
    switch (message.type) {
      case "extensionHandshake":
        return this.dispatch({ type: "peerCapabilities", peer, ...capabilities(message) });
      case "uploadOnly":
        return this.dispatch({ type: "peerCapabilities", peer, uploadOnly: message.uploadOnly });
      case "dontHave":
        return this.dispatch({ type: "peerDontHave", peer, piece: message.piece });
      case "metadataRequest":
        return socket.tell({
          type: "sendExtension",
          message: this.#shares.metadata.answer(socket, message.piece),
        });
    }
  }

  /** Tells the machine that a connection ended by itself. */
  lost({ key: peer }: PeerSocket): void {
    if (this.#sockets.delete(peer)) this.dispatch({ type: "peerClosed", peer });
  }

  /** Tells the machine that a dial came to nothing. */
  dialFailed(address: PeerAddress, isOurselves: boolean = false): void {
    this.dispatch({ type: "dialFailed", address, isOurselves });
  }

  /** Tells the machine that a block has left. */
  blockSent({ key: peer }: PeerSocket, { piece, begin, length }: BlockRange): void {
    this.dispatch({ type: "blockSent", peer, piece, begin, length });
    this.#advise();
  }

  /** Tells the machine that a block could not be read: the piece is ours no longer. */
  readFailed({ key: peer }: PeerSocket, { piece, begin, length }: BlockRange): void {
    this.dispatch({ type: "readFailed", peer, piece, begin, length });
  }

  /** Settles when peers may be read: while much waits for the disk, they may not (back-pressure). */
  mayRead(): Promise<void> | undefined {
    if (this.#machine.openStores <= this.#mostOpenStores || this.#isClosed) return undefined;
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Settles once everything that is being written now is written, and the machine knows. */
  async written(): Promise<void> {
    await Promise.allSettled(this.#storing);
  }

  /** Forgets the machine; connections are the desk's matter. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#cancelWake();
    this.#sockets.clear();
    this.#releaseReaders();
  }

  /** Performs effects in their order; messages in a row to the same peer are encoded together. */
  #performAll(effects: readonly TorrentEffect[]): void {
    for (let at = 0; at < effects.length;) {
      const effect = effects[at]!, messages = messagesInARow(effects, at);
      if (effect.type === "send" && messages.length > 1) this.#sockets.get(effect.peer)?.sendAll(messages);
      else this.#perform(effect);
      at += Math.max(1, messages.length);
    }
  }

  #perform(effect: TorrentEffect): void {
    const { desk, host } = this.#options;
    switch (effect.type) {
      case "send":
        return this.#sockets.get(effect.peer)?.send(effect.message);
      case "read":
        return this.#sockets.get(effect.peer)?.sendBlock(effect);
      case "store":
        return this.#store(effect);
      case "close":
        return this.#closePeer(effect);
      case "dial":
        return void desk.dial(effect.address);
      case "ban":
        return host.banned(effect.host, effect.reason);
      case "webFetch":
      case "webAbort":
      case "webSeedDiscarded":
        return host.webSeed(effect);
      case "pieceCompleted":
        return host.pieceCompleted(effect.piece);
      case "pieceLost":
        return host.pieceLost(effect.piece);
      case "dontHave":
        return this.#sockets.get(effect.peer)?.tell({ type: "sendExtension", message: effect });
      case "layerFound":
        return host.layerFound(effect.piecesRoot, effect.hashes);
      case "completed":
        return host.completed();
    }
  }

  /** Tells the machine now and then what is in memory, if there are peers that could make use of it. */
  #advise(): void {
    const now = this.#now();
    if (now < this.#adviseAt || this.#sockets.size < 2) return;
    this.#adviseAt = now + ADVISE_EVERY_MS;
    const pieces = this.#options.store.cached?.() ?? [];
    if (pieces.length > 0) this.dispatch({ type: "cached", pieces });
  }

  #closePeer({ peer, reason }: Effect<"close">): void {
    const socket = this.#sockets.get(peer);
    this.#sockets.delete(peer);
    if (socket) this.#options.desk.dismiss(socket, reason);
  }

  #store(effect: Effect<"store">): void {
    const storing = this.#storePiece(effect).finally(() => this.#storing.delete(storing));
    this.#storing.add(storing);
  }

  async #storePiece({ piece, bytes }: Effect<"store">): Promise<void> {
    try {
      const result = await this.#options.store.store(piece, bytes);
      this.dispatch({ type: result === "stored" ? "pieceStored" : "pieceCorrupt", piece });
    } catch (error) {
      this.dispatch({ type: "storeFailed", piece });
      if (!this.#isClosed) this.#options.host.storeFailed(asStorageError(error));
    }
    if (this.#machine.openStores <= this.#mostOpenStores) this.#releaseReaders();
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #allowedFast({ host }: PeerAddress): readonly number[] {
    const { infoHash, info } = this.#options.metainfo;
    return allowedFastSet({ host, infoHash, pieceCount: info.pieceCount });
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
    this.#cancelWake = this.#options.clock.schedule(deadline, () => {
      this.#wakeAt = Infinity;
      const due = this.#machine.deadline();
      if (due !== undefined && due <= this.#now()) this.dispatch({ type: "tick" });
      else this.#scheduleWake();
    });
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

/** The facts of an extension handshake that the machine decides by. */
function capabilities({ requestQueue, uploadOnly, listenPort }: ExtensionHandshakeFields) {
  return {
    ...(requestQueue !== undefined && { requestQueue }),
    ...(uploadOnly !== undefined && { uploadOnly }),
    ...(listenPort !== undefined && { listenPort }),
  };
}

function asStorageError(error: unknown): Error {
  return error instanceof Error ? error : new StorageError(String(error));
}
