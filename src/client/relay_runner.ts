/**
 * Hole punching in one torrent at work (BEP 55): relays between connected peers, and takes what relays say for an address.
 */

import type { Clock } from "../io/transport.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { HolepunchRelay, type RelayPeer } from "../torrent/holepunch_relay.ts";
import { mayName } from "../peer/nearness.ts";
import type { PeerKey } from "../torrent/vocabulary.ts";
import type { HolepunchMessage } from "../wire/messages/holepunch.ts";

/** Dials per connection that it may call us to; a relay introduces us to a handful of peers. */
const MOST_CALLS = 50;

/** What the relay needs of its torrent. */
export interface RelayRunnerOptions {
  readonly clock: Clock;
  /** Every connection that stands. */
  readonly peers: () => readonly RelayPeer[];
  /** Sends a message to a peer. */
  readonly send: (peer: PeerKey, message: HolepunchMessage) => void;
  /** Addresses of peers that want to meet us. */
  readonly addPeers: (addresses: readonly PeerAddress[]) => void;
}

/** Brings the peers of a torrent together. */
export class RelayRunner {
  readonly #options: RelayRunnerOptions;
  readonly #relay = new HolepunchRelay();
  /** Addresses under which others see us, by host. */
  readonly #ours = new Map<string, PeerAddress>();
  /** How often each peer has called us. */
  readonly #calls = new Map<PeerKey, number>();

  /** Does nothing by itself. */
  constructor(options: RelayRunnerOptions) {
    this.#options = options;
  }

  /** An address under which others see us: nobody is brought together with it. */
  setOurAddress(address: PeerAddress): void {
    this.#ours.set(address.host, address);
  }

  /** A message came. An error is an answer to what is never asked: who meets through a relay needs uTP. */
  heard(peer: PeerKey, message: HolepunchMessage): void {
    if (message.type === "holepunchRendezvous") this.#introduce(peer, message.address);
    if (message.type === "holepunchConnect") this.#meet(peer, message.address);
  }

  /** A peer is gone. */
  closed(peer: PeerKey): void {
    this.#calls.delete(peer);
  }

  #introduce(from: PeerKey, address: PeerAddress): void {
    const { clock, peers, send } = this.#options, ours = [...this.#ours.values()];
    const effects = this.#relay.handle({ from, address, peers: peers(), ours }, clock.now());
    for (const { peer, message } of effects) send(peer, message);
  }

  /**
   * Somebody could not reach us, but perhaps we reach them.
   *
   * Departs from BEP 55: the dial is over TCP, because there is no uTP here yet. It succeeds where the other side is open.
   */
  #meet(from: PeerKey, address: PeerAddress): void {
    const calls = this.#calls.get(from) ?? 0, peers = this.#options.peers();
    const relay = peers.find(({ peer }) => peer === from);
    if (calls >= MOST_CALLS || relay === undefined || !mayName(relay.address.host, address.host)) return;
    this.#calls.set(from, calls + 1);
    // BEP 55 "implementation notes": who is connected already MUST ignore it.
    const text = formatPeerAddress(address);
    const isThere = (one: PeerAddress | undefined) => one !== undefined && formatPeerAddress(one) === text;
    if (peers.some((peer) => isThere(peer.address) || isThere(peer.listenAddress))) return;
    this.#options.addPeers([address]);
  }
}
