/** Who is connected to a torrent, and what they said of themselves: the same in both of its lives. */

import type { PeerAddress } from "../peer/address.ts";
import type { PeerKey } from "../torrent/vocabulary.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import { clientName } from "./client_name.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Opening, PeerSocket } from "./peer_socket.ts";

/** What a peer says of itself (BEP 10 "handshake message"). */
export type ExtensionHandshakeMessage = Extract<ExtensionMessage, { type: "extensionHandshake" }>;

/** Somebody connected. */
export interface Guest {
  /** What the handshakes agreed on. */
  readonly opening: Opening;
  /** What its extension handshakes said so far but for names, which may be long: of a later one only what changes is there. */
  readonly said: ExtensionHandshakeMessage | undefined;
  /** Name and version of its software, as far as it tells (BEP 10 `v`, BEP 20). */
  readonly client: string | undefined;
}

/** Who is connected, for those who ask. */
export interface ConnectedPeer {
  readonly key: PeerKey;
  readonly address: PeerAddress;
  readonly direction: "outgoing" | "incoming";
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Name and version of its software, as far as it tells (BEP 10 `v`, BEP 20). */
  readonly client: string | undefined;
}

/** Keeps the connections of one torrent, and tells its readers who comes, who they are and who goes. */
export class GuestBook {
  readonly #life: Lifecycle;
  readonly #guests = new Map<PeerSocket, Guest>();
  /** Who has said which software it runs: it is told once, however often that changes. */
  readonly #identified = new WeakSet<PeerSocket>();

  /** Begins empty. */
  constructor(life: Lifecycle) {
    this.#life = life;
  }

  /** Every connection with what is known of it, in the order of coming. Some may be taken out meanwhile. */
  entries(): Iterable<[PeerSocket, Guest]> {
    return this.#guests;
  }

  /** Every connection, as a copy. */
  sockets(): readonly PeerSocket[] {
    return [...this.#guests.keys()];
  }

  /** Whether this connection is in the book. */
  has(socket: PeerSocket): boolean {
    return this.#guests.has(socket);
  }

  /** Everybody, for those who ask. */
  peers(): readonly ConnectedPeer[] {
    return Array.from(this.#guests, ([{ key, address, direction }, { opening: { peerId }, client }]) => {
      return { key, address, direction, peerId, client };
    });
  }

  /** Somebody has come. */
  add(socket: PeerSocket, opening: Opening): void {
    const { address, direction } = socket, { infoHash } = this.#life;
    const client = clientName(undefined, opening.peerId);
    this.#guests.set(socket, { opening, said: undefined, client });
    this.#life.emit({ type: "peerConnected", infoHash, address, direction, client });
  }

  /** A guest says something, of itself perhaps. */
  learn(socket: PeerSocket, message: ExtensionMessage): void {
    const type = "extensionHandshake";
    if (message.type === type) this.#learn(socket, message);
    // The same by other means (BEP 21 "extension header").
    if (message.type === "uploadOnly") this.#learn(socket, { type, uploadOnly: message.uploadOnly });
  }

  /** A guest is gone. Answers whether it was here. */
  delete(socket: PeerSocket, reason: string): boolean {
    if (!this.#guests.delete(socket)) return false;
    this.#life.emit({ type: "peerClosed", infoHash: this.#life.infoHash, address: socket.address, reason });
    return true;
  }

  #learn(socket: PeerSocket, handshake: ExtensionHandshakeMessage): void {
    const guest = this.#guests.get(socket), { infoHash } = this.#life;
    if (guest === undefined) return;
    const { opening, said } = guest, { client: name, ids: _, ...rest } = handshake, { address } = socket;
    const client = name === undefined ? guest.client : clientName(name, opening.peerId);
    this.#guests.set(socket, { opening, said: { ...said, ...rest }, client });
    const isNews = name !== undefined && !this.#identified.has(socket);
    if (!isNews || client === undefined) return;
    this.#identified.add(socket);
    this.#life.emit({ type: "peerIdentified", infoHash, address, client });
  }
}
