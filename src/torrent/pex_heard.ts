/** What one peer says about its own connections (BEP 11): how often it may, how much of it counts. */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { PEX_FLAGS, type PexMessage, type PexPeer } from "../wire/messages/pex.ts";
import { mayName, nearnessOf } from "../peer/nearness.ts";

/** Addresses that one peer may claim to be connected to. libtorrent takes 50; clients with 200 connections are common. */
const MAX_CLAIMS = 200;
/** Added entries of one message that count, the first apart: what BEP 11 allows. */
const MAX_ADDED = 50;
/** This many messages within {@linkcode FLOOD_MS} are a flood: libtorrent's rule. BEP 11 allows one. */
const FLOOD_COUNT = 6;
/** A minute. */
const FLOOD_MS = 60_000;

/** The claims of one peer. */
export class PexHeard {
  /** When the last messages came, oldest first. */
  readonly #times: number[] = [];
  /** The peers it says it is connected to. */
  readonly #claims = new Map<string, PexPeer>();
  #hasSpoken = false;

  /** Notes that a message came; answers whether there are too many. */
  isFlood(now: number): boolean {
    this.#times.push(now);
    if (this.#times.length < FLOOD_COUNT) return false;
    return now - this.#times.shift()! < FLOOD_MS;
  }

  /** Takes a message of the peer at `source`; answers with the addresses that are news. */
  take({ added, dropped }: PexMessage, source: string): PeerAddress[] {
    for (const address of dropped) this.#drop(address);
    const most = this.#hasSpoken ? MAX_ADDED : MAX_CLAIMS;
    this.#hasSpoken = true;
    return added.slice(0, most).filter((peer) => this.#claim(peer, source)).map(({ address }) => address);
  }

  /** Whether it says that it is connected to a peer at this address which understands `ut_holepunch`. */
  canIntroduce(address: PeerAddress): boolean {
    const claim = this.#claims.get(claimKey(address));
    return claim?.address.port === address.port && (claim.flags & PEX_FLAGS.holepunch) !== 0;
  }

  #claim(peer: PexPeer, source: string): boolean {
    const { host, port } = peer.address, key = claimKey(peer.address);
    if (port <= 0 || !mayName(source, host)) return false;
    if (this.#claims.has(key) || this.#claims.size >= MAX_CLAIMS) return false;
    this.#claims.set(key, peer);
    return true;
  }

  #drop(address: PeerAddress): void {
    const key = claimKey(address);
    if (this.#claims.get(key)?.address.port === address.port) this.#claims.delete(key);
  }
}

/**
 * Of addresses that differ in the port only one counts, so that nobody points us at all ports of one victim
 * (BEP 11 "security considerations"). In networks of our own, where a machine may run several clients, each counts.
 */
function claimKey(address: PeerAddress): string {
  return nearnessOf(address.host) === 0 ? address.host : formatPeerAddress(address);
}
