/** Datagram sockets of virtual hosts. */

import { StateError, TransportError } from "../../errors.ts";
import type { PeerAddress } from "../../peer/address.ts";
import type { Datagram, DatagramSocket } from "../transport.ts";

/** Datagrams that wait to be received; more are lost, as in a real socket's buffer. */
const MAX_QUEUED = 512;
/** Longest payload over IPv4: 65,535 minus the headers of IP and UDP. */
const MAX_PAYLOAD = 65_507;

/** Carries a datagram away. @throws {TransportError} If there is no way. */
export type DatagramCarrier = (bytes: Uint8Array, to: PeerAddress) => void;

/** A datagram that arrived. */
interface Arrived {
  readonly bytes: Uint8Array;
  readonly from: PeerAddress;
}

/** A socket of a virtual host. */
export class VirtualDatagramSocket implements DatagramSocket {
  readonly address: PeerAddress;
  readonly #carry: DatagramCarrier;
  readonly #onClose: () => void;
  readonly #queue: Arrived[] = [];
  #receiver: { readonly into: Uint8Array; resolve(datagram: Datagram | null): void } | undefined;
  #isClosed = false;

  /** Sends through `carry`. */
  constructor(address: PeerAddress, carry: DatagramCarrier, onClose: () => void) {
    this.address = address;
    this.#carry = carry;
    this.#onClose = onClose;
  }

  /** Takes a datagram in. */
  arrive(bytes: Uint8Array, from: PeerAddress): void {
    if (this.#isClosed) return;
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver !== undefined) receiver.resolve(fill(receiver.into, { bytes, from }));
    else if (this.#queue.length < MAX_QUEUED) this.#queue.push({ bytes, from });
  }

  receive(into: Uint8Array): Promise<Datagram | null> {
    if (this.#isClosed) return Promise.resolve(null);
    if (this.#receiver !== undefined) {
      return Promise.reject(new StateError("Cannot receive: another receive is waiting"));
    }
    const queued = this.#queue.shift();
    if (queued !== undefined) return Promise.resolve(fill(into, queued));
    return new Promise((resolve) => this.#receiver = { into, resolve });
  }

  send(bytes: Uint8Array, to: PeerAddress): Promise<void> {
    return new Promise((resolve) => {
      const reason = this.#isClosed
        ? "the socket is closed"
        : bytes.length > MAX_PAYLOAD
        ? "it is too long"
        : undefined;
      if (reason !== undefined) {
        throw new TransportError(`Cannot send to ${to.host} port ${to.port}: ${reason}`);
      }
      this.#carry(bytes.slice(), to);
      resolve();
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.#queue.length = 0;
    this.#receiver?.resolve(null);
    this.#receiver = undefined;
  }
}

function fill(into: Uint8Array, { bytes, from }: Arrived): Datagram {
  const kept = bytes.subarray(0, into.length);
  into.set(kept);
  return { bytes: into.subarray(0, kept.length), from };
}
