/** The connections of one torrent, through both of its lives: dials, lets in, introduces to the host, and sees off. */

import { TransportError } from "../errors.ts";
import type { ByteConnection } from "../io/transport.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import type { PeerKey } from "../torrent/vocabulary.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import type { CloseReason, TorrentOffer } from "../wire/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import { clientName } from "./client_name.ts";
import { Dialler } from "./dialler.ts";
import { handshakeOffer, type TorrentFacts } from "./handshake_offer.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { PeerHost } from "./peer_host.ts";
import { type Opening, PeerSocket, type PeerSocketOwner } from "./peer_socket.ts";
import { SideTalk } from "./side_talk.ts";
import type { TorrentNames } from "./torrent_names.ts";

/** How a connection ends that led back to us: somebody told us our own address. */
const ITSELF: CloseReason = "connected to itself";

/** What a desk needs of its torrent. */
export interface PeerDeskOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** What handshakes say. */
  readonly names: TorrentNames;
  /** What is known now. */
  readonly facts: () => TorrentFacts;
  /** Whether nobody but the trackers may know of it, as far as is known (BEP 27). */
  readonly isPrivate: () => boolean;
  /** Peers told addresses of others (BEP 11). */
  readonly addPeers: (addresses: readonly PeerAddress[]) => void;
  /** Fills `into` with a block of verified content. */
  readonly readBlock: (range: BlockRange, into: Uint8Array) => Promise<void>;
}

/** Who is connected. */
export interface ConnectedPeer {
  readonly key: PeerKey;
  readonly address: PeerAddress;
  readonly direction: "outgoing" | "incoming";
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Name and version of its software, as far as it tells (BEP 10 `v`, BEP 20). */
  readonly client: string | undefined;
}

/** Somebody connected. */
interface Guest {
  readonly opening: Opening;
  /** What its extension handshakes said so far, the later ones before the earlier (BEP 10 "handshake message"). */
  said: Extract<ExtensionMessage, { type: "extensionHandshake" }> | undefined;
}

/** Brings peers and the torrent's host together. Without a host nobody is let in. */
export class PeerDesk implements PeerSocketOwner {
  /** What is said besides metadata and content. */
  readonly talk: SideTalk;
  readonly #options: PeerDeskOptions;
  readonly #opening = new Set<PeerSocket>();
  readonly #connected = new Map<PeerSocket, Guest>();
  readonly #abort = new AbortController();
  readonly #dialler: Dialler;
  #host: PeerHost | undefined;
  /** Hosts of a former tracker's peers, which are not let in (BEP 27). */
  readonly #shunned = new Set<string>();
  #lastKey = 0;
  #drops = 0;

  /** Does nothing by itself. */
  constructor(options: PeerDeskOptions) {
    const { context, names } = options, { signal } = this.#abort;
    this.#options = options;
    this.talk = new SideTalk({ ...options, end: (socket, reason) => this.#end(socket, reason) });
    this.#dialler = new Dialler({ context, infoHash: (address) => names.dial(address).infoHash, signal });
  }

  /** Everybody belongs to this host from now on; `undefined` while the torrent changes lives. */
  serve(host: PeerHost | undefined): void {
    this.#host = host;
    if (host === undefined) return;
    const { pieceCount, metadataSize } = this.#options.facts();
    for (const [socket, { opening, said }] of this.#connected) {
      host.adopt(socket, opening);
      if (said && this.#connected.has(socket)) host.extension(socket, said);
      // Messages that waited for the metadata come out now, to the new host.
      if (pieceCount !== undefined) socket.tell({ type: "pieceCount", pieceCount });
    }
    if (metadataSize === undefined) return;
    // Those who came before the metadata may ask us for it now (BEP 9 "extension header").
    const message = { type: "extensionHandshake", metadataSize } as const;
    for (const socket of this.#connected.keys()) socket.tell({ type: "sendExtension", message });
  }

  /** Opens a connection, once there is a place for it; the host hears of its success or failure. */
  async dial(address: PeerAddress): Promise<void> {
    const { context, life } = this.#options;
    // By another torrent, or it would not be dialled.
    if (context.banned.has(address.host)) return this.#host?.dialFailed(address);
    try {
      await context.connections.wait(this.#abort.signal);
    } catch {
      return; // the torrent is closed
    }
    this.#shunned.delete(address.host);
    let socket: PeerSocket | undefined, reason = "no answer";
    const drops = this.#drops;
    try {
      if (this.#host === undefined) return; // it changed its mind while it waited
      for await (const connection of this.#dialler.connections(address, () => socket?.isOpened ?? false)) {
        // It was given up while it came to stand.
        const isVain = this.#abort.signal.aborted || this.#drops > drops;
        if (isVain || this.#host === undefined) return connection.close();
        socket = this.#outgoing(connection, address);
        reason = await socket.run();
        if (reason === ITSELF) break;
      }
      if (!socket?.isOpened) {
        throw new TransportError(`Cannot talk to ${formatPeerAddress(address)}: ${reason}`);
      }
    } catch (cause) {
      if (this.#abort.signal.aborted) return;
      const error = cause instanceof Error ? cause : new TransportError(String(cause));
      life.emit({ type: "dialFailed", infoHash: life.infoHash, address, error });
      this.#host?.dialFailed(address, reason === ITSELF);
    } finally {
      context.connections.give();
    }
  }

  /** Takes over an incoming connection that wants this torrent; `false` if it cannot be let in. */
  accept(socket: PeerSocket): boolean {
    const { context: { banned } } = this.#options, { host } = socket.address;
    if (this.#host === undefined || banned.has(host) || this.#shunned.has(host)) return false;
    socket.give(this);
    this.#opening.add(socket);
    const infoHash = this.#options.names.answer(socket.asked!);
    socket.tell({ type: "accept", ...this.#offer(socket.address, infoHash) });
    return true;
  }

  /** The host ends a connection. */
  dismiss(socket: PeerSocket, reason: string): void {
    if (!this.#connected.delete(socket)) return;
    socket.close();
    this.#sayClosed(socket, reason);
    this.talk.closed(socket, reason);
  }

  /** Ends every connection, and dials under way; the host may dial anew. */
  drop(reason: string): void {
    this.#drops++;
    for (const socket of [...this.#opening, ...this.#connected.keys()]) this.#end(socket, reason);
  }

  /**
   * Ends every connection, and lets nobody of those in again before the host dials them: a private torrent changed its
   * tracker, and is no bridge between the two swarms (BEP 27).
   */
  shun(reason: string): void {
    for (const { address } of this.#connected.keys()) this.#shunned.add(address.host);
    this.drop(reason);
  }

  /**
   * Tells every peer whether we want nothing any more: by the message, or by a later handshake to who may know only the key
   * (BEP 21 "extension header").
   */
  tellUploadOnly(uploadOnly: boolean): void {
    for (const socket of this.#connected.keys()) {
      const type = socket.understands("upload_only") ? "uploadOnly" : "extensionHandshake";
      socket.tell({ type: "sendExtension", message: { type, uploadOnly } });
    }
  }

  /** Who is connected, and which software they run. */
  peers(): readonly ConnectedPeer[] {
    return Array.from(this.#connected, ([{ key, address, direction }, { opening: { peerId }, said }]) => {
      return { key, address, direction, peerId, client: clientName(said?.client, peerId) };
    });
  }

  /** Gives up dials and ends all connections. Safe to call twice. */
  close(reason: string): void {
    this.talk.close();
    this.#host = undefined;
    this.#abort.abort(new TransportError(reason));
    for (const socket of this.#opening) socket.close();
    this.#opening.clear();
    for (const socket of [...this.#connected.keys()]) this.dismiss(socket, reason);
  }

  /** Introduces a peer to the host. */
  opened(socket: PeerSocket, opening: Opening): void {
    const { life } = this.#options, { address, direction } = socket;
    this.#opening.delete(socket);
    if (this.#host === undefined) return socket.close();
    this.#connected.set(socket, { opening, said: undefined });
    socket.key = ++this.#lastKey;
    life.emit({
      type: "peerConnected",
      infoHash: life.infoHash,
      address,
      direction,
      client: clientName(undefined, opening.peerId),
    });
    this.talk.connected(socket);
    this.#host.adopt(socket, opening);
    const { pieceCount } = this.#options.facts(); // it may have become known since the handshake began
    if (pieceCount !== undefined) socket.tell({ type: "pieceCount", pieceCount });
    this.talk.opened(socket, opening);
  }

  /** Hands a message to the host; a PORT message is for the DHT. */
  message(socket: PeerSocket, message: PeerMessage): void {
    if (message.type === "port") this.talk.heardPort(socket, message.port);
    if (this.#connected.has(socket)) this.#host?.message(socket, message);
  }

  /** Hands an extension message to the host, and whatever else has to do with it. */
  extension(socket: PeerSocket, message: ExtensionMessage): void {
    if (message.type === "extensionHandshake") this.#learn(socket, message);
    if (this.#connected.has(socket)) this.#host?.extension(socket, message);
    if (this.#connected.has(socket)) this.talk.heard(socket, message);
  }

  /** Tells the host that a peer is gone. */
  ended(socket: PeerSocket, reason: string): void {
    this.#opening.delete(socket); // a dial tries another way, or says that it failed
    if (!this.#connected.delete(socket)) return;
    this.#sayClosed(socket, reason);
    this.talk.closed(socket);
    this.#host?.lost(socket);
  }

  /** Tells the host that a block has left. */
  blockSent(socket: PeerSocket, range: BlockRange): void {
    this.#host?.blockSent?.(socket, range);
  }

  /** Tells the host that content is gone. */
  readFailed(socket: PeerSocket, range: BlockRange): void {
    this.#host?.readFailed?.(socket, range);
  }

  /** Reads a block of the content. */
  readBlock(range: BlockRange, into: Uint8Array): Promise<void> {
    return this.#options.readBlock(range, into);
  }

  /** Back-pressure from the disk. */
  mayRead(): Promise<void> | undefined {
    return this.#host?.mayRead?.();
  }

  /** We end a connection, for another reason than that the host wants it. */
  #end(socket: PeerSocket, reason: string): void {
    socket.close();
    this.ended(socket, reason);
  }

  #outgoing(connection: ByteConnection, address: PeerAddress): PeerSocket {
    const { context, names } = this.#options, { infoHash, upgradedInfoHash } = names.dial(address);
    const socket = new PeerSocket({
      connection,
      address,
      clock: context.clock,
      owner: this,
      machine: {
        direction: "outgoing",
        peerId: context.peerId,
        features: {
          dht: context.dht !== undefined && !this.#options.isPrivate(),
          v2: upgradedInfoHash !== undefined,
        },
        ...(upgradedInfoHash && { upgradedInfoHash }),
        ...this.#offer(address, infoHash),
      },
    });
    this.#opening.add(socket);
    return socket;
  }

  #offer(address: PeerAddress, infoHash: Uint8Array): TorrentOffer {
    const { context, facts } = this.#options, extensions = this.talk.offers;
    return handshakeOffer({ context, address, infoHash, facts: facts(), extensions });
  }

  /** A host that comes later hears it too. */
  #learn(socket: PeerSocket, handshake: NonNullable<Guest["said"]>): void {
    const guest = this.#connected.get(socket), { life: { infoHash }, life } = this.#options;
    if (guest === undefined) return;
    const isNamed = guest.said?.client !== undefined;
    guest.said = { ...guest.said, ...handshake };
    if (isNamed || handshake.client === undefined) return;
    const { address } = socket, client = clientName(handshake.client, guest.opening.peerId);
    if (client !== undefined) life.emit({ type: "peerIdentified", infoHash, address, client });
  }

  #sayClosed(socket: PeerSocket, reason: string): void {
    const { life } = this.#options, { address } = socket;
    life.emit({ type: "peerClosed", infoHash: life.infoHash, address, reason });
  }
}
