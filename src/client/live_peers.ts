/** The connections of a torrent whose content moves: what peers say goes to its machine, what the machine says goes to them. */

import type { Clock } from "../io/transport.ts";
import type { PieceStore } from "../io/storage.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { PeerKey, TorrentEffect, TorrentInput } from "../torrent/vocabulary.ts";
import { allowedFastSet } from "../wire/allowed_fast.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import { HashShare } from "./hash_share.ts";
import { MetadataShare } from "./metadata_share.ts";
import type { PeerDesk } from "./peer_desk.ts";
import { factsOf } from "./peer_facts.ts";
import type { PeerHost } from "./peer_host.ts";
import type { Opening, PeerSocket } from "./peer_socket.ts";
import { TorrentNames } from "./torrent_names.ts";

/** Time between two looks at what is in memory: it is advice, and a look at a full cache takes microseconds. */
const ADVISE_EVERY_MS = 1000;

/** The torrent that peers talk to. */
export interface TalkingTorrent {
  /** Tells the machine. */
  dispatch(input: TorrentInput): void;
  /** Whether a piece is ours. */
  hasPiece(piece: number): boolean;
  /** Settles when peers may be read; `undefined` if at once. */
  mayRead(): Promise<void> | undefined;
}

/** What the connections need. */
export interface LivePeersOptions {
  readonly clock: Clock;
  readonly desk: PeerDesk;
  readonly metainfo: Metainfo;
  readonly store: PieceStore;
  readonly torrent: TalkingTorrent;
}

/** What the machine wants done with a connection. */
export type PeerEffect = Extract<TorrentEffect, { type: "send" | "read" | "dontHave" | "close" }>;

/** The host of the connections while content moves. */
export class LivePeers implements PeerHost {
  readonly #options: LivePeersOptions;
  readonly #names: TorrentNames;
  /** What peers get besides content. */
  readonly #shares: { readonly metadata: MetadataShare; readonly hashes: HashShare };
  readonly #sockets = new Map<PeerKey, PeerSocket>();
  #adviseAt = -Infinity;

  /** Begins without peers. */
  constructor(options: LivePeersOptions) {
    const { metainfo, store, torrent } = options;
    this.#options = options;
    this.#names = new TorrentNames(metainfo);
    const hashes = new HashShare({
      metainfo,
      has: (piece) => torrent.hasPiece(piece),
      read: (piece, begin, into) => store.read(piece, begin, into),
    });
    this.#shares = { metadata: new MetadataShare(metainfo), hashes };
  }

  /** Introduces a peer to the machine. */
  adopt(socket: PeerSocket, { infoHash, peerId, fast, extended }: Opening): void {
    const { address, direction, key: peer } = socket, v2 = this.#names.isV2(infoHash);
    const allowedFast = fast ? this.#allowedFast(address) : [];
    this.#sockets.set(peer, socket);
    this.#options.torrent.dispatch({
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

  /** Hands messages to the machine, and answers who asks for hashes; views inside them are valid during the call only. */
  messages(socket: PeerSocket, messages: readonly PeerMessage[]): void {
    for (const message of messages) {
      if (message.type === "hashRequest") void this.#shares.hashes.answer(socket, message);
    }
    this.#options.torrent.dispatch({ type: "peerMessages", peer: socket.key, messages });
  }

  /** Hands the facts of an extension message to the machine, and answers who asks for metadata. */
  extension(socket: PeerSocket, message: ExtensionMessage): void {
    if (message.type === "metadataRequest") {
      const answer = this.#shares.metadata.answer(socket, message.piece);
      return socket.tell({ type: "sendExtension", message: answer });
    }
    const facts = factsOf(socket, message);
    if (facts) this.#options.torrent.dispatch(facts);
  }

  /** Tells the machine that a connection ended by itself. */
  lost({ key: peer }: PeerSocket): void {
    if (this.#sockets.delete(peer)) this.#options.torrent.dispatch({ type: "peerClosed", peer });
  }

  /** Tells the machine that a dial came to nothing. */
  dialFailed(address: PeerAddress, isOurselves: boolean = false): void {
    this.#options.torrent.dispatch({ type: "dialFailed", address, isOurselves });
  }

  /** Tells the machine that blocks have left. */
  blocksSent({ key: peer }: PeerSocket, ranges: readonly BlockRange[]): void {
    this.#options.torrent.dispatch({ type: "blocksSent", peer, ranges });
    this.#advise();
  }

  /** Tells the machine that a block could not be read: the piece is ours no longer. */
  readFailed({ key: peer }: PeerSocket, { piece, begin, length }: BlockRange): void {
    this.#options.torrent.dispatch({ type: "readFailed", peer, piece, begin, length });
  }

  /** Settles when peers may be read: while much waits for the disk, they may not (back-pressure). */
  mayRead(): Promise<void> | undefined {
    return this.#options.torrent.mayRead();
  }

  /** Carries out what the machine wants. */
  perform(effect: PeerEffect): void {
    const socket = this.#sockets.get(effect.peer);
    switch (effect.type) {
      case "send":
        return socket?.send(effect.message);
      case "read":
        return socket?.sendBlock(effect);
      case "dontHave":
        return socket?.tell({ type: "sendExtension", message: effect });
      case "close":
        this.#sockets.delete(effect.peer);
        if (socket) this.#options.desk.dismiss(socket, effect.reason);
    }
  }

  /** Sends messages in one write. */
  sendAll(peer: PeerKey, messages: readonly PeerMessage[]): void {
    this.#sockets.get(peer)?.sendAll(messages);
  }

  /** Forgets the connections, which are the desk's matter. */
  clear(): void {
    this.#sockets.clear();
  }

  /** Tells the machine now and then what is in memory, if there are peers that could make use of it. */
  #advise(): void {
    if (this.#sockets.size < 2) return;
    const { clock, store, torrent } = this.#options, now = clock.now();
    if (now < this.#adviseAt) return;
    this.#adviseAt = now + ADVISE_EVERY_MS;
    const pieces = store.cached?.() ?? [];
    if (pieces.length > 0) torrent.dispatch({ type: "cached", pieces });
  }

  #allowedFast({ host }: PeerAddress): readonly number[] {
    const { infoHash, info } = this.#options.metainfo;
    return allowedFastSet({ host, infoHash, pieceCount: info.pieceCount });
  }
}
