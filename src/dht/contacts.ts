/** Whom to ask when the table is empty: saved nodes, then given ones, then routers (BEP 5 "routing table"). */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { type AddressFamily, isIpv6 } from "../peer/ip.ts";
import type { NodeContact } from "./messages/node_info.ts";

/** Addresses kept of each kind; beyond, the oldest goes. */
const MAX_CONTACTS = 64;

/** Ways into the DHT. */
export class Contacts {
  /** Nodes of the snapshot. */
  readonly saved: readonly NodeContact[];
  readonly #given = new Map<string, PeerAddress>();
  readonly #routers = new Map<string, PeerAddress>();

  /** Starts with the nodes of a snapshot. */
  constructor(saved: readonly NodeContact[]) {
    this.saved = saved;
  }

  /** Remembers somebody who may be a node. */
  addNode(address: PeerAddress): void {
    remember(this.#given, address);
  }

  /** Remembers a router. */
  addRouter(address: PeerAddress): void {
    remember(this.#routers, address);
  }

  /** Whether this is a router, which has no place in the table: routers are for beginners. */
  isRouter(address: PeerAddress): boolean {
    return this.#routers.has(formatPeerAddress(address));
  }

  /** Given nodes and routers of one family, in the order to be asked. */
  addresses(family: AddressFamily): PeerAddress[] {
    const all = [...this.#given.values(), ...this.#routers.values()];
    return all.filter(({ host }) => isIpv6(host) === (family === 6));
  }
}

function remember(addresses: Map<string, PeerAddress>, address: PeerAddress): void {
  addresses.set(formatPeerAddress(address), address);
  for (const oldest of addresses.keys()) {
    if (addresses.size <= MAX_CONTACTS) break;
    addresses.delete(oldest);
  }
}
