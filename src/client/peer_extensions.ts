/** The user's own extensions at work in one torrent: who understands which, and whose callback hears what (BEP 10). */

import { DecodeError } from "../errors.ts";
import type { PeerAddress } from "../peer/address.ts";
import { customExtension, type ExtensionCodec, type ExtensionMessage } from "../wire/extensions.ts";
import type { Lifecycle } from "./lifecycle.ts";
import {
  type ExtensionPeer,
  LONGEST_PAYLOAD,
  type PeerExtension,
  requireExtensions,
} from "./peer_extension.ts";
import type { PeerSocket } from "./peer_socket.ts";

/** Brings the user's extensions and the connections of one torrent together. */
export class PeerExtensions {
  readonly #life: Lifecycle;
  readonly #calls = new Calls();
  readonly #offers = new Map<string, Offer>();
  /** Everybody connected, with the peer's id. */
  readonly #sockets = new Map<PeerSocket, Uint8Array>();

  /** Offers these from the start; they were checked. */
  constructor(life: Lifecycle, extensions: readonly PeerExtension<unknown>[]) {
    this.#life = life;
    for (const extension of extensions) this.#offers.set(extension.name, this.#offer(extension));
  }

  /** What handshakes offer. */
  get codecs(): readonly ExtensionCodec[] {
    return [...this.#offers.values()].map(({ codec }) => codec);
  }

  /** Offers one more, also to who is connected; the answer takes it back. @throws {TypeError} If the name is taken. */
  add(extension: PeerExtension<unknown>): () => void {
    requireExtensions([extension, ...[...this.#offers.keys()].map((name) => ({ name }))]);
    const offer = this.#offer(extension);
    this.#offers.set(extension.name, offer);
    for (const [socket, peerId] of this.#sockets) offer.propose(socket, peerId);
    return () => this.#remove(offer);
  }

  /** A connection stands. What was offered since its handshake was made up is offered now. */
  opened(socket: PeerSocket, peerId: Uint8Array): void {
    this.#sockets.set(socket, peerId);
    for (const offer of this.#offers.values()) offer.propose(socket, peerId);
  }

  /** An extension message came. */
  heard(socket: PeerSocket, message: ExtensionMessage): void {
    const peerId = this.#sockets.get(socket);
    if (peerId === undefined) return;
    if (message.type === "custom") this.#offers.get(message.extension)?.heard(socket, peerId, message.value);
    if (message.type !== "extensionHandshake") return;
    for (const offer of [...this.#offers.values()]) offer.update(socket, peerId);
  }

  /** A connection is over. */
  closed(socket: PeerSocket): void {
    if (!this.#sockets.delete(socket)) return;
    for (const offer of [...this.#offers.values()]) offer.drop(socket);
  }

  #offer(extension: PeerExtension<unknown>): Offer {
    return new Offer(extension, { life: this.#life, calls: this.#calls });
  }

  #remove(offer: Offer): void {
    const { name } = offer.codec;
    if (this.#offers.get(name) !== offer) return;
    this.#offers.delete(name);
    // BEP 10 "handshake message": "the value 0 is used to turn off an extension".
    const message = { type: "extensionHandshake", ids: new Map([[name, 0]]) } as const;
    for (const socket of this.#sockets.keys()) {
      socket.tell({ type: "sendExtension", message });
      offer.drop(socket);
    }
  }
}

/** The user's callbacks, one at a time: what one of them brings about is called once it has returned. */
class Calls {
  readonly #waiting: (() => void)[] = [];
  #isCalling = false;

  /** Calls what throws nothing. */
  call(callback: () => void): void {
    this.#waiting.push(callback);
    if (this.#isCalling) return;
    this.#isCalling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
    this.#isCalling = false;
  }
}

/** One extension, and the peers that have to do with it. */
class Offer {
  readonly codec: ExtensionCodec;
  readonly #extension: PeerExtension<unknown>;
  readonly #life: Lifecycle;
  readonly #calls: Calls;
  readonly #peers = new Map<PeerSocket, Partner>();

  constructor(
    extension: PeerExtension<unknown>,
    { life, calls }: { readonly life: Lifecycle; readonly calls: Calls },
  ) {
    this.#extension = extension;
    this.#life = life;
    this.#calls = calls;
    this.codec = customExtension<unknown>(extension.name, {
      encode: (payload) => payload as Uint8Array, // the partner has encoded it
      decode: (payload) => this.#decode(payload),
    });
  }

  /** Offers the extension to a peer that does not know of it. */
  propose(socket: PeerSocket, peerId: Uint8Array): void {
    socket.tell({ type: "extend", extension: this.codec });
    this.update(socket, peerId);
  }

  /** The peer may have begun or ceased to understand the extension. */
  update(socket: PeerSocket, peerId: Uint8Array): void {
    const isListening = socket.understands(this.codec.name);
    if (isListening === (this.#peers.get(socket)?.isListening ?? false)) return;
    const peer = this.#partner(socket, peerId);
    peer.isListening = isListening;
    this.#call(() => isListening ? this.#extension.onPeer?.(peer) : this.#extension.onPeerGone?.(peer));
  }

  heard(socket: PeerSocket, peerId: Uint8Array, value: unknown): void {
    const peer = this.#partner(socket, peerId);
    this.#call(() => this.#extension.onMessage?.(value, peer));
  }

  /** The peer is gone, or the extension. */
  drop(socket: PeerSocket): void {
    const peer = this.#peers.get(socket);
    this.#peers.delete(socket);
    if (!peer?.isListening) return;
    peer.isListening = false;
    this.#call(() => this.#extension.onPeerGone?.(peer));
  }

  #partner(socket: PeerSocket, peerId: Uint8Array): Partner {
    let peer = this.#peers.get(socket);
    if (peer !== undefined) return peer;
    peer = new Partner(this.#extension, socket, { peerId, infoHash: this.#life.infoHash });
    this.#peers.set(socket, peer);
    return peer;
  }

  #decode(payload: Uint8Array): unknown {
    try {
      return this.#extension.decode(payload.slice()); // the memory is read into again, and the user keeps what it wants
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      this.#warn(error);
    }
  }

  /** A user's mistake ends nothing. */
  #call(callback: () => void | Promise<void>): void {
    this.#calls.call(() => {
      try {
        callback()?.catch((error) => this.#warn(error));
      } catch (error) {
        this.#warn(error);
      }
    });
  }

  #warn(error: unknown): void {
    this.#life.warn(
      `extension "${this.codec.name}" failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** A peer as the user sees it. */
class Partner implements ExtensionPeer<unknown> {
  readonly infoHash: string;
  readonly peerId: Uint8Array;
  isListening = false;
  readonly #extension: PeerExtension<unknown>;
  readonly #socket: PeerSocket;

  constructor(
    extension: PeerExtension<unknown>,
    socket: PeerSocket,
    { infoHash, peerId }: Pick<ExtensionPeer<unknown>, "infoHash" | "peerId">,
  ) {
    this.infoHash = infoHash;
    this.peerId = peerId;
    this.#extension = extension;
    this.#socket = socket;
  }

  get address(): PeerAddress {
    return this.#socket.address;
  }

  send(message: unknown): boolean {
    if (!this.isListening) return false;
    const { name } = this.#extension, payload = this.#extension.encode(message), { length } = payload;
    if (length > LONGEST_PAYLOAD) {
      throw new RangeError(`Cannot send message of extension "${name}": its payload has ${length} bytes`);
    }
    if (this.#socket.waitingLength + length > LONGEST_PAYLOAD) return false;
    this.#socket.tell({
      type: "sendExtension",
      message: { type: "custom", extension: name, value: payload },
    });
    return true;
  }
}
