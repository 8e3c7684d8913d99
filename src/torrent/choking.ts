/** Whom to unchoke: tit for tat, and a chance for the others (BEP 3 "choking"). Decisions only. */

import { type Random, shuffle } from "../bytes/random.ts";
import type { PeerKey } from "./vocabulary.ts";

/** A connection younger than this is new: two turns of the optimistic unchoke. */
const NEW_MS = 60_000;
/** How much likelier a new connection is to be unchoked optimistically (BEP 3 "choking"). */
const NEW_WEIGHT = 3;

/** What the choice needs to know of a peer that is interested in us. */
export interface InterestedPeer {
  /** The connection. */
  readonly key: PeerKey;
  /** What it has earned: payload per second from it, or to it once we want nothing. */
  readonly rate: number;
  /** It has let our requests wait for too long, and gets no slot for what it sent before that. */
  readonly snubbed: boolean;
  /** When it connected. */
  readonly connectedAt: number;
}

/** The peers with the best rates, at most `slots`; snubbing ones never; equals in random order. */
export function chooseByRate(peers: readonly InterestedPeer[], slots: number, random: Random): PeerKey[] {
  return shuffle(random, peers.filter((peer) => !peer.snubbed))
    .sort((a, b) => b.rate - a.rate)
    .slice(0, Math.max(0, slots))
    .map((peer) => peer.key);
}

/** What a lottery among peers depends on. */
export interface Lottery {
  /** How many to draw. */
  readonly slots: number;
  /** The time. */
  readonly now: number;
  /** Where chance comes from. */
  readonly random: Random;
}

/** Draws peers whatever their rate; new connections are three times as likely. */
export function chooseOptimistic(peers: readonly InterestedPeer[], lottery: Lottery): PeerKey[] {
  const rest = [...peers];
  const chosen: PeerKey[] = [];
  const weightOf = (peer: InterestedPeer) => lottery.now - peer.connectedAt < NEW_MS ? NEW_WEIGHT : 1;
  while (chosen.length < lottery.slots && rest.length > 0) {
    let ticket = lottery.random() * rest.reduce((sum, peer) => sum + weightOf(peer), 0);
    const index = rest.findIndex((peer) => (ticket -= weightOf(peer)) < 0);
    chosen.push(...rest.splice(index, 1).map((peer) => peer.key));
  }
  return chosen;
}
