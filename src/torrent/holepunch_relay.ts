/**
 * Brings two peers behind NATs together (BEP 55): the relay's side. A decision per rendezvous, and a memory of how many
 * there were.
 */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { HOLEPUNCH_ERRORS, type HolepunchMessage } from "../wire/messages/holepunch.ts";
import { nearnessOf } from "../peer/nearness.ts";
import type { PeerKey } from "./vocabulary.ts";

/** A connected peer as the relay sees it. */
export interface RelayPeer {
  /** The connection. */
  readonly peer: PeerKey;
  /** The other end of the connection. */
  readonly address: PeerAddress;
  /** Where it listens, as far as it is known. */
  readonly listenAddress: PeerAddress | undefined;
  /** The connection runs over uTP: then its other end is the hole that others can use. */
  readonly utp: boolean;
  /** It lists `ut_holepunch`. */
  readonly holepunch: boolean;
}

/** A peer asks to be brought together with another. */
export interface Rendezvous {
  /** Who asks. */
  readonly from: PeerKey;
  /** Whom it wants to meet. */
  readonly address: PeerAddress;
  /** Every peer of the torrent, the asking one included. */
  readonly peers: Iterable<RelayPeer>;
  /** Addresses under which others see us. */
  readonly ours: readonly PeerAddress[];
}

/** A message to a peer. */
export interface RelayEffect {
  /** There is nothing else to do. */
  readonly type: "send";
  /** To whom. */
  readonly peer: PeerKey;
  /** The message: `connect` or an error. */
  readonly message: HolepunchMessage;
}

/** Meetings per minute that one peer may ask for; each costs the target a few packets. A peer in need asks for a handful. */
const MAX_ASKED = 20;
/** Meetings per minute that one peer is called to, whoever asks, so that nobody can be flooded through us. */
const MAX_CALLED = 20;
/** A minute. */
const WINDOW_MS = 60_000;

/** Relays between the peers of one torrent. Whoever asks or is asked for too often is not answered. */
export class HolepunchRelay {
  readonly #asked = new Quota(MAX_ASKED);
  readonly #called = new Quota(MAX_CALLED);

  /** Decides on a rendezvous: `connect` to both peers, an error to the one that asks, or nothing. */
  handle(rendezvous: Rendezvous, now: number): readonly RelayEffect[] {
    const peers = [...rendezvous.peers], { address } = rendezvous;
    const from = peers.find(({ peer }) => peer === rendezvous.from);
    // BEP 55 "implementation notes": who does not list the extension MUST be ignored.
    if (!from?.holepunch || !this.#asked.take(from.peer, now)) return [];
    const target = findTarget(peers, address), code = reasonToRefuse(rendezvous, from, target);
    if (code !== undefined) {
      return [{ type: "send", peer: from.peer, message: { type: "holepunchError", address, code } }];
    }
    if (!this.#called.take(target!.peer, now)) return [];
    return [
      connect(from.peer, target!.utp ? target!.address : address),
      connect(target!.peer, meetingPoint(from)),
    ];
  }
}

/** So much a minute for each peer. */
class Quota {
  readonly #most: number;
  readonly #taken = new Map<PeerKey, number>();
  #endsAt = -Infinity;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes one; answers whether there was one left. */
  take(peer: PeerKey, now: number): boolean {
    if (now >= this.#endsAt) {
      this.#taken.clear();
      this.#endsAt = now + WINDOW_MS;
    }
    const taken = this.#taken.get(peer) ?? 0;
    this.#taken.set(peer, taken + 1);
    return taken < this.#most;
  }
}

function reasonToRefuse(
  { address, ours }: Rendezvous,
  from: RelayPeer,
  target: RelayPeer | undefined,
): number | undefined {
  const nearness = nearnessOf(address.host), isOurs = ours.some((one) => isSame(one, address));
  // What lies behind a NAT is no business of the outside, and the outside cannot reach it: not even that it is there is told.
  if (nearness === undefined || nearness !== nearnessOf(from.address.host)) {
    return HOLEPUNCH_ERRORS.noSuchPeer;
  }
  // BEP 55 has this code for the relay's own address; deployed relays also give it to who asks for itself.
  if (isOurs || target === from) return HOLEPUNCH_ERRORS.noSelf;
  if (target === undefined) return HOLEPUNCH_ERRORS.notConnected;
  return target.holepunch ? undefined : HOLEPUNCH_ERRORS.noSupport;
}

function findTarget(peers: readonly RelayPeer[], address: PeerAddress): RelayPeer | undefined {
  return peers.find((peer) => isSame(peer.address, address)) ??
    peers.find(({ listenAddress }) => listenAddress !== undefined && isSame(listenAddress, address));
}

/** Where others can reach the peer over uTP: over TCP, its other end is a port of another protocol. */
function meetingPoint({ utp, address, listenAddress }: RelayPeer): PeerAddress {
  return utp ? address : listenAddress ?? address;
}

function connect(peer: PeerKey, address: PeerAddress): RelayEffect {
  return { type: "send", peer, message: { type: "holepunchConnect", address } };
}

function isSame(a: PeerAddress, b: PeerAddress): boolean {
  return formatPeerAddress(a) === formatPeerAddress(b);
}
