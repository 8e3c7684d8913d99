/** A datagram socket behind a SOCKS5 proxy (RFC 1928 section 7): every datagram goes by the proxy's relay. */

import { DecodeError } from "../errors.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { canonicalHost } from "../peer/ip.ts";
import { requireTarget } from "./proxied_network.ts";
import { decodeDatagram, encodeDatagram, MAX_DATAGRAM_HEADER } from "./socks5_messages.ts";
import type { ByteConnection, Datagram, DatagramSocket } from "./transport.ts";

/** What a relayed socket is made from; it owns both parts. */
export interface RelayedSocketOptions {
  /** The connection on which the relay was asked for: the relay lives as long as it does. */
  readonly control: ByteConnection;
  /** Our own socket. */
  readonly socket: DatagramSocket;
  /** Where the relay listens. */
  readonly relay: PeerAddress;
}

/**
 * Sends and receives through a relay. When the proxy ends the relay the socket is closed. A sender that the proxy names
 * instead of giving its address is not heard, for nobody could be told who it is.
 */
export class RelayedSocket implements DatagramSocket {
  readonly #options: RelayedSocketOptions;
  #buffer = new Uint8Array(MAX_DATAGRAM_HEADER);

  /** Takes over the parts. */
  constructor(options: RelayedSocketOptions) {
    this.#options = options;
    void this.#watch();
  }

  /** Where our own socket is bound; the world sees another address, which the proxy does not tell. */
  get address(): PeerAddress {
    return this.#options.socket.address;
  }

  async receive(into: Uint8Array): Promise<Datagram | null> {
    if (this.#buffer.length < into.length + MAX_DATAGRAM_HEADER) {
      this.#buffer = new Uint8Array(into.length + MAX_DATAGRAM_HEADER);
    }
    for (;;) {
      const datagram = await this.#options.socket.receive(this.#buffer);
      if (datagram === null) return null;
      const opened = this.#open(datagram);
      if (opened === undefined) continue;
      const payload = opened.payload.subarray(0, into.length);
      into.set(payload);
      return { bytes: into.subarray(0, payload.length), from: opened.from };
    }
  }

  async send(bytes: Uint8Array, to: PeerAddress): Promise<void> {
    requireTarget(to);
    await this.#options.socket.send(encodeDatagram(to, bytes), this.#options.relay);
  }

  close(): void {
    this.#options.socket.close();
    this.#options.control.close();
  }

  /** What the relay sent; nothing if it was somebody else, or makes no sense. */
  #open({ bytes, from }: Datagram): ReturnType<typeof decodeDatagram> | undefined {
    if (formatPeerAddress(from) !== formatPeerAddress(this.#options.relay)) return undefined;
    try {
      const opened = decodeDatagram(bytes);
      return canonicalHost(opened.from.host) === undefined ? undefined : opened;
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  /** Nothing is ever said on the control connection; its end is the end of the relay. */
  async #watch(): Promise<void> {
    const { control } = this.#options, buffer = new Uint8Array(64);
    try {
      while (await control.read(buffer) !== null);
    } catch {
      // broken, so over as well
    }
    this.close();
  }
}
