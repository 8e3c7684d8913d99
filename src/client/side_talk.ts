/**
 * What the connections of a torrent are used for besides metadata and content, in both of its lives: peer exchange and hole
 * punching (BEP 11, 55), DHT ports (BEP 5), our address (BEP 10 `yourip`), and the user's own extensions (BEP 10).
 */

import type { PeerAddress } from "../peer/address.ts";
import { isIpv6 } from "../peer/ip.ts";
import type { PeerKey } from "../torrent/vocabulary.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import { isHolepunch } from "../wire/messages/holepunch.ts";
import type { TorrentOffer } from "../wire/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { PeerExtension } from "./peer_extension.ts";
import { PeerExtensions } from "./peer_extensions.ts";
import type { Opening, PeerSocket } from "./peer_socket.ts";
import { PexRunner } from "./pex_runner.ts";

/** What the talk needs of its torrent. */
export interface SideTalkOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** Whether nobody but the trackers may know of it, as far as is known (BEP 27). */
  readonly isPrivate: () => boolean;
  /** Peers told addresses of others. */
  readonly addPeers: (addresses: readonly PeerAddress[]) => void;
  /** Ends the connection of a peer that talks too much. */
  readonly end: (socket: PeerSocket, reason: string) => void;
}

/** Talks with everybody who is connected. */
export class SideTalk {
  readonly #options: SideTalkOptions;
  /** The user's own extensions. */
  readonly #extensions: PeerExtensions;
  readonly #sockets = new Map<PeerKey, PeerSocket>();
  /** Connections that have told their DHT port. */
  readonly #ports = new WeakSet<PeerSocket>();
  /** Peer exchange, unless nobody wants it or the torrent is private (BEP 27). */
  #pex: PexRunner | undefined;

  /** Says nothing by itself. */
  constructor(options: SideTalkOptions) {
    const { context, life } = options;
    this.#options = options;
    this.#extensions = new PeerExtensions(life, context.extensions);
    if (context.pex) this.#pex = this.#makePex();
  }

  /** What handshakes offer. */
  get offers(): NonNullable<TorrentOffer["extensions"]> {
    return [...(this.#pex ? ["ut_pex", "ut_holepunch"] as const : []), ...this.#extensions.codecs];
  }

  /** Offers an extension of the user's; the answer takes it back. @throws {TypeError} If its name is taken or invalid. */
  extend(extension: PeerExtension<unknown>): () => void {
    return this.#extensions.add(extension);
  }

  /** The torrent turned out to be private: peers tell each other nothing any more (BEP 27). */
  becomePrivate(): void {
    if (this.#pex === undefined) return;
    this.close();
    this.#pex = undefined;
    const ids = new Map([["ut_pex", 0], ["ut_holepunch", 0]]);
    for (const socket of this.#sockets.values()) {
      socket.tell({ type: "sendExtension", message: { type: "extensionHandshake", ids } });
    }
  }

  /** An address under which peers see us. */
  setOurAddress(address: PeerAddress): void {
    this.#pex?.tell({ type: "ourAddress", address });
  }

  /** A connection stands. */
  connected(socket: PeerSocket): void {
    const { address, direction, key: peer } = socket;
    this.#sockets.set(peer, socket);
    this.#pex?.tell({ type: "peerConnected", peer, address, direction });
  }

  /** The torrent has begun to talk on a connection. */
  opened(socket: PeerSocket, { dht, extended, peerId }: Opening): void {
    if (!this.#sockets.has(socket.key)) return;
    if (dht && !this.#options.isPrivate()) void this.#sendPort(socket);
    if (extended) this.#extensions.opened(socket, peerId);
  }

  /** The peer has a DHT node there (BEP 5 "BitTorrent protocol extension"). */
  heardPort(socket: PeerSocket, port: number): void {
    if (this.#options.isPrivate() || this.#ports.has(socket)) return;
    this.#ports.add(socket); // once: each costs a datagram to a port of the peer's choice
    void this.#options.context.dht?.addNodes([{ host: socket.address.host, port }]);
  }

  /** An extension message came. */
  heard(socket: PeerSocket, message: ExtensionMessage): void {
    this.#exchange(socket.key, message);
    if (message.type === "extensionHandshake" && message.yourIp !== undefined) {
      this.#hearOurHost(socket.address.host, message.yourIp);
    }
    this.#extensions.heard(socket, message);
  }

  /** A connection is over; with a reason if it was we who ended it. */
  closed(socket: PeerSocket, reason?: string): void {
    if (!this.#sockets.delete(socket.key)) return;
    this.#pex?.tell({ type: "peerClosed", peer: socket.key, ...(reason !== undefined && { reason }) });
    this.#extensions.closed(socket);
  }

  /** Exchanges no peers any more. Safe to call twice. */
  close(): void {
    this.#pex?.close();
  }

  #makePex(): PexRunner {
    const { context: { clock }, addPeers, end } = this.#options;
    return new PexRunner({
      clock,
      addPeers,
      send: (peer, message) => this.#sockets.get(peer)?.tell({ type: "sendExtension", message }),
      close: (peer, reason) => {
        const socket = this.#sockets.get(peer);
        if (socket) end(socket, reason);
      },
    });
  }

  /** What peer exchange needs of an extension message. */
  #exchange(peer: PeerKey, message: ExtensionMessage): void {
    if (message.type === "extensionHandshake") {
      this.#pex?.tell({ type: "handshake", peer, handshake: message });
    } else if (message.type === "uploadOnly") this.#pex?.tell({ ...message, peer });
    else if (message.type === "pex") this.#pex?.tell({ type: "message", peer, message });
    else if (isHolepunch(message)) this.#pex?.introduce(peer, message);
  }

  /** A peer says how it sees us: believed when peers of several networks agree (BEP 10 `yourip`). */
  #hearOurHost(voter: string, host: string): void {
    const { peerVotes, onOurHost } = this.#options.context, isV6 = isIpv6(voter);
    const settled = isV6 === isIpv6(host) ? peerVotes.get(isV6)?.vote(voter, host) : undefined;
    if (settled !== undefined) onOurHost(settled, "peers");
  }

  async #sendPort(socket: PeerSocket): Promise<void> {
    const port = await this.#options.context.dht?.port().catch(() => undefined);
    if (port !== undefined && this.#sockets.has(socket.key)) socket.send({ type: "port", port });
  }
}
