/** The connections of one torrent: dials, lets in, introduces to the torrent machine, and sees off. */

import { encodeHex } from "../bytes/text.ts";
import { TransportError } from "../errors.ts";
import type { ByteConnection } from "../io/transport.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { identifyClient } from "../peer/peer_id.ts";
import { allowedFastSet } from "../wire/allowed_fast.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { TorrentOffer } from "../wire/vocabulary.ts";
import type { ExtensionHandshakeFields } from "../wire/messages/extension.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import type { ClientContext } from "./client_context.ts";
import type { TorrentEvent } from "./events.ts";
import { VERSION } from "../version.ts";
import type { LiveTorrent } from "./live_torrent.ts";
import { type Opening, PeerSocket, type PeerSocketOwner } from "./peer_socket.ts";

/** How long a dial may take: libtorrent's value; a SYN is sent four times in it. */
const DIAL_TIMEOUT_MS = 15_000;

/** What `v` of our extension handshake says (BEP 10). */
const CLIENT_NAME = `network-bittorrent ${VERSION}`;

/** Requests that we queue per peer (`reqq`, BEP 10): libtorrent's number. The machine takes far more before it closes. */
const REQUEST_QUEUE = 2000;

/** What a desk needs of its torrent. */
export interface PeerDeskOptions {
  /** What all torrents share. */
  readonly context: ClientContext;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** The machine at work; `undefined` while there is none: then nobody is let in. */
  readonly live: () => LiveTorrent | undefined;
  /** Fills `into` with a block of verified content. */
  readonly readBlock: (range: BlockRange, into: Uint8Array) => Promise<void>;
  /** A block could not be read: content is gone. */
  readonly readFailed: (range: BlockRange, error: unknown) => void;
  /** Tells the user. */
  readonly emit: (event: TorrentEvent) => void;
}

/** Brings peers and the torrent machine together. */
export class PeerDesk implements PeerSocketOwner {
  readonly #options: PeerDeskOptions;
  /** Info hash in hexadecimal. */
  readonly infoHashHex: string;
  readonly #opening = new Set<PeerSocket>();
  readonly #connected = new Set<PeerSocket>();
  readonly #abort = new AbortController();
  #lastKey = 0;

  /** Does nothing by itself. */
  constructor(options: PeerDeskOptions) {
    this.#options = options;
    this.infoHashHex = encodeHex(options.metainfo.infoHash);
  }

  /** Opens a connection; the machine hears of its success or failure. */
  async dial(address: PeerAddress): Promise<void> {
    const { context, emit } = this.#options;
    if (!context.connections.take()) return this.#dialFailed(address);
    try {
      const connection = await this.#connect(address);
      if (this.#abort.signal.aborted) return connection.close();
      await this.#run(connection, address);
    } catch (cause) {
      if (this.#abort.signal.aborted) return;
      const error = cause instanceof Error ? cause : new TransportError(String(cause));
      emit({ type: "dialFailed", infoHash: this.infoHashHex, address, error });
      this.#dialFailed(address);
    } finally {
      context.connections.give();
    }
  }

  /** Takes over an incoming connection that wants this torrent; `false` if it cannot be let in. */
  accept(socket: PeerSocket): boolean {
    if (this.#options.live() === undefined || this.#options.context.banned.has(socket.address.host)) {
      return false;
    }
    socket.give(this);
    this.#opening.add(socket);
    socket.tell({ type: "accept", ...this.#offer(socket.address) });
    return true;
  }

  /** Ends every connection; the machine may dial anew. */
  drop(reason: string): void {
    for (const socket of [...this.#opening, ...this.#connected]) {
      socket.close();
      this.ended(socket, reason);
    }
  }

  /** Gives up dials and handshakes; connections that the machine knows are its own matter. */
  close(): void {
    this.#abort.abort(new TransportError("the torrent is closed"));
    for (const socket of this.#opening) socket.close();
    this.#opening.clear();
  }

  /** Introduces a peer to the machine. */
  opened(socket: PeerSocket, opening: Opening): void {
    const { emit, live } = this.#options, torrent = live();
    this.#opening.delete(socket);
    this.#connected.add(socket);
    if (torrent === undefined) return socket.close();
    socket.key = ++this.#lastKey;
    const { address, direction } = socket, { peerId, fast, extended } = opening;
    emit({
      type: "peerConnected",
      infoHash: this.infoHashHex,
      address,
      direction,
      client: clientText(peerId),
    });
    const allowedFast = fast ? this.#allowedFast(address) : [];
    torrent.adopt(socket, {
      type: "peerConnected",
      peer: socket.key,
      address,
      direction,
      peerId,
      fast,
      extended,
      allowedFast,
    });
  }

  /** Hands a message to the machine. */
  message(socket: PeerSocket, message: PeerMessage): void {
    this.#options.live()?.receive(socket.key, message);
  }

  /** Hands the facts of an extension message to the machine. */
  extension(socket: PeerSocket, message: ExtensionMessage): void {
    const torrent = this.#options.live(), peer = socket.key;
    switch (message.type) {
      case "extensionHandshake":
        return torrent?.dispatch({ type: "peerCapabilities", peer, ...capabilities(message) });
      case "uploadOnly":
        return torrent?.dispatch({ type: "peerCapabilities", peer, uploadOnly: message.uploadOnly });
      case "dontHave":
        return torrent?.dispatch({ type: "peerDontHave", peer, piece: message.piece });
    }
  }

  /** Tells the machine that a peer is gone. */
  ended(socket: PeerSocket, reason: string): void {
    const wasOpening = this.#opening.delete(socket);
    this.#connected.delete(socket);
    this.#sayClosed(socket, reason);
    if (socket.key >= 0) this.#options.live()?.lost(socket.key);
    else if (wasOpening && socket.direction === "outgoing") this.#dialFailed(socket.address);
  }

  /** Tells every peer that understands it that a piece is gone (BEP 54 "sender operation"). */
  dontHave(piece: number): void {
    for (const socket of this.#connected) {
      socket.tell({ type: "sendExtension", message: { type: "dontHave", piece } });
    }
  }

  /** Tells the user that the machine closed a connection. */
  closedByUs(socket: PeerSocket, reason: string): void {
    this.#connected.delete(socket);
    this.#sayClosed(socket, reason);
  }

  /** Tells the machine that a block has left. */
  blockSent(socket: PeerSocket, range: BlockRange): void {
    this.#options.live()?.dispatch({ type: "blockSent", peer: socket.key, ...plain(range) });
  }

  /** Tells the machine and the torrent that content is gone. */
  readFailed(socket: PeerSocket, range: BlockRange, error: unknown): void {
    this.#options.live()?.dispatch({ type: "readFailed", peer: socket.key, ...plain(range) });
    this.#options.readFailed(range, error);
  }

  /** Reads a block of the content. */
  readBlock(range: BlockRange, into: Uint8Array): Promise<void> {
    return this.#options.readBlock(range, into);
  }

  /** Back-pressure from the disk. */
  mayRead(): Promise<void> | undefined {
    return this.#options.live()?.mayRead();
  }

  async #connect(address: PeerAddress): Promise<ByteConnection> {
    const { network, clock } = this.#options.context, timeout = new AbortController();
    const cancel = clock.schedule(clock.now() + DIAL_TIMEOUT_MS, () => {
      timeout.abort(new TransportError(`Cannot dial ${formatPeerAddress(address)}: no answer`));
    });
    try {
      return await network.dial(address, { signal: AbortSignal.any([this.#abort.signal, timeout.signal]) });
    } finally {
      cancel();
    }
  }

  async #run(connection: ByteConnection, address: PeerAddress): Promise<void> {
    const { context } = this.#options;
    const socket = new PeerSocket({
      connection: context.limit(connection),
      address,
      clock: context.clock,
      owner: this,
      machine: { direction: "outgoing", peerId: context.peerId, ...this.#offer(address) },
    });
    this.#opening.add(socket);
    await socket.run();
  }

  /** What the connection machine is told about this torrent. */
  #offer(address: PeerAddress): TorrentOffer {
    const { context, metainfo } = this.#options, listenPort = context.listenAddress?.port;
    return {
      infoHash: metainfo.infoHash,
      pieceCount: metainfo.info.pieceCount,
      extensions: ["lt_donthave", "upload_only"],
      extensionHandshake: {
        client: CLIENT_NAME,
        requestQueue: REQUEST_QUEUE,
        yourIp: address.host,
        ...(listenPort === undefined ? {} : { listenPort }),
        ...(this.#options.live()?.isComplete ? { uploadOnly: true } : {}),
      },
    };
  }

  #allowedFast(address: PeerAddress): readonly number[] {
    const { infoHash, info } = this.#options.metainfo;
    return allowedFastSet({ host: address.host, infoHash, pieceCount: info.pieceCount });
  }

  #dialFailed(address: PeerAddress): void {
    this.#options.live()?.dispatch({ type: "dialFailed", address });
  }

  #sayClosed({ address }: PeerSocket, reason: string): void {
    this.#options.emit({ type: "peerClosed", infoHash: this.infoHashHex, address, reason });
  }
}

/** The range without whatever else the object carries. */
function plain({ piece, begin, length }: BlockRange): BlockRange {
  return { piece, begin, length };
}

/** The facts of an extension handshake that the machine decides by. */
function capabilities({ requestQueue, uploadOnly, listenPort }: ExtensionHandshakeFields) {
  return {
    ...(requestQueue === undefined ? {} : { requestQueue }),
    ...(uploadOnly === undefined ? {} : { uploadOnly }),
    ...(listenPort === undefined ? {} : { listenPort }),
  };
}

function clientText(peerId: Uint8Array): string | undefined {
  const client = identifyClient(peerId);
  return client && (client.version === undefined ? client.name : `${client.name} ${client.version}`);
}
