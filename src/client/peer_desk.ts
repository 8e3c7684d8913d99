/** The connections of one torrent, through both of its lives: dials, lets in, introduces to the host, and sees off. */

import type { ByteConnection } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import type { TorrentOffer } from "../wire/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import { type ConnectedPeer, GuestBook } from "./guest_book.ts";
import { handshakeOffer, type TorrentFacts } from "./handshake_offer.ts";
import { hostKey } from "./host_tally.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { PeerDials } from "./peer_dials.ts";
import type { PeerHost } from "./peer_host.ts";
import { type Opening, PeerSocket, type PeerSocketOwner } from "./peer_socket.ts";
import { SideTalk } from "./side_talk.ts";
import type { TorrentNames } from "./torrent_names.ts";

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

/** Brings peers and the torrent's host together. Without a host nobody is let in. */
export class PeerDesk implements PeerSocketOwner {
  /** What is said besides metadata and content. */
  readonly talk: SideTalk;
  readonly #options: PeerDeskOptions;
  readonly #opening = new Set<PeerSocket>();
  readonly #connected: GuestBook;
  readonly #dials: PeerDials;
  #host: PeerHost | undefined;
  /** Hosts of a former tracker's peers, which are not let in (BEP 27). */
  readonly #shunned = new Set<string>();
  #lastKey = 0;

  /** Does nothing by itself. */
  constructor(options: PeerDeskOptions) {
    this.#options = options;
    this.#connected = new GuestBook(options.life);
    this.talk = new SideTalk({ ...options, end: (socket, reason) => this.#end(socket, reason) });
    this.#dials = new PeerDials({
      ...options,
      host: () => this.#host,
      makeSocket: (connection, address) => this.#outgoing(connection, address),
    });
  }

  /** Everybody belongs to this host from now on; `undefined` while the torrent changes lives. */
  serve(host: PeerHost | undefined): void {
    this.#host = host;
    if (host === undefined) return;
    const { pieceCount, metadataSize } = this.#options.facts();
    for (const [socket, { opening, said }] of this.#connected.entries()) {
      host.adopt(socket, opening);
      if (said && this.#connected.has(socket)) host.extension(socket, said);
      // Messages that waited for the metadata come out now, to the new host.
      if (pieceCount !== undefined) socket.tell({ type: "pieceCount", pieceCount });
    }
    if (metadataSize === undefined) return;
    // Those who came before the metadata may ask us for it now (BEP 9 "extension header").
    const message = { type: "extensionHandshake", metadataSize } as const;
    for (const socket of this.#connected.sockets()) socket.tell({ type: "sendExtension", message });
  }

  /** Opens a connection, once there is a place for it; the host hears of its success or failure. Never rejects. */
  dial(address: PeerAddress): Promise<void> {
    return this.#dials.dial(address);
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
    if (!this.#connected.delete(socket, reason)) return;
    socket.close();
    this.talk.closed(socket, reason);
  }

  /** Ends the connections of a host that was banned, whichever torrent found out. */
  expel(host: string): void {
    const key = hostKey(host), isBanned = ({ address }: PeerSocket) => hostKey(address.host) === key;
    for (const socket of [...this.#opening].filter(isBanned)) this.#end(socket, "banned");
    for (const socket of this.#connected.sockets().filter(isBanned)) {
      this.dismiss(socket, "banned");
      this.#host?.lost(socket);
    }
  }

  /** Ends every connection, and dials under way; the host may dial anew. */
  drop(reason: string): void {
    this.#dials.drop();
    for (const socket of [...this.#opening, ...this.#connected.sockets()]) this.#end(socket, reason);
  }

  /**
   * Ends every connection, and lets nobody of those in again before the host dials them: a private torrent changed its
   * tracker, and is no bridge between the two swarms (BEP 27).
   */
  shun(reason: string): void {
    for (const { address } of this.#connected.sockets()) this.#shunned.add(address.host);
    this.drop(reason);
  }

  /**
   * Tells every peer whether we want nothing any more: by the message, or by a later handshake to who may know only the key
   * (BEP 21 "extension header").
   */
  tellUploadOnly(uploadOnly: boolean): void {
    for (const socket of this.#connected.sockets()) {
      const type = socket.understands("upload_only") ? "uploadOnly" : "extensionHandshake";
      socket.tell({ type: "sendExtension", message: { type, uploadOnly } });
    }
  }

  /** Who is connected, and which software they run. */
  peers(): readonly ConnectedPeer[] {
    return this.#connected.peers();
  }

  /** Gives up dials and ends all connections. Safe to call twice. */
  close(reason: string): void {
    this.talk.close();
    this.#host = undefined;
    this.#dials.close(reason);
    for (const socket of this.#opening) socket.close();
    this.#opening.clear();
    for (const socket of this.#connected.sockets()) this.dismiss(socket, reason);
  }

  /** Introduces a peer to the host. */
  opened(socket: PeerSocket, opening: Opening): void {
    this.#opening.delete(socket);
    if (this.#host === undefined) return socket.close();
    socket.key = ++this.#lastKey;
    this.#connected.add(socket, opening);
    this.talk.connected(socket);
    this.#host.adopt(socket, opening);
    const { pieceCount } = this.#options.facts(); // it may have become known since the handshake began
    if (pieceCount !== undefined) socket.tell({ type: "pieceCount", pieceCount });
    this.talk.opened(socket, opening);
  }

  /** Hands messages to the host; a PORT message is for the DHT. */
  messages(socket: PeerSocket, messages: readonly PeerMessage[]): void {
    for (const message of messages) {
      if (message.type === "port") this.talk.heardPort(socket, message.port);
    }
    if (this.#connected.has(socket)) this.#host?.messages(socket, messages);
  }

  /** Hands an extension message to the host, and whatever else has to do with it. */
  extension(socket: PeerSocket, message: ExtensionMessage): void {
    this.#connected.learn(socket, message);
    if (this.#connected.has(socket)) this.#host?.extension(socket, message);
    if (this.#connected.has(socket)) this.talk.heard(socket, message);
  }

  /** Tells the host that a peer is gone. */
  ended(socket: PeerSocket, reason: string): void {
    this.#opening.delete(socket); // a dial tries another way, or says that it failed
    if (!this.#connected.delete(socket, reason)) return;
    this.talk.closed(socket);
    this.#host?.lost(socket);
  }

  /** Tells the host that blocks have left. */
  blocksSent(socket: PeerSocket, ranges: readonly BlockRange[]): void {
    this.#host?.blocksSent?.(socket, ranges);
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
    this.#shunned.delete(address.host);
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
}
