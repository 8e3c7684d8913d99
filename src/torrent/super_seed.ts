/**
 * Super-seeding (BEP 16): a seed that looks empty and shows each peer one piece after the other, the next one when another
 * peer has shown the last, so that little is sent twice before there are more seeds. For initial seeds with little bandwidth.
 */

import { closePeer } from "./departures.ts";
import { Offering } from "./offering.ts";
import { type Disguise, isUploadOnly, type Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";

/** Pieces that a peer is shown ahead: with one alone it would wait for us after each. libtorrent's number. */
const MAX_OFFERS = 2;
/** Pieces that a peer is told of one by one when the mode ends. If there are more, a new connection tells them in one message. */
const MAX_UNMASKED = 16384;
/** A peer whose pieces nobody took for so long may have no way to the others, and goes on all the same. */
const PATIENCE_MS = 300_000;

/** Whether a new peer gets to see an empty client: only while we have everything. */
export function isDisguised(state: TorrentState): boolean {
  return state.mode.superSeed && state.ledger.have.isFull;
}

/** Whether the peer may know that we have the piece. */
export function isShown(peer: Peer, piece: number): boolean {
  return peer.disguise === undefined || peer.disguise.shown.has(piece);
}

/** The peer is to forget a piece that is ours no longer; it may be shown it again. */
export function hide({ disguise }: Peer, piece: number): void {
  if (!disguise?.shown.delete(piece)) return;
  disguise.offers = disguise.offers.filter((offer) => offer !== piece);
}

/** There may be something to show again, also if the peer was shown everything that it lacked. */
export function mayShowMore(state: TorrentState, { disguise }: Peer): void {
  if (disguise === undefined) return;
  disguise.isExhausted = false;
  state.mode.offersDue = true;
}

/** What the peer says it had before we showed it anything is no answer to an offer. */
export function forgetOffersOf({ disguise, content }: Peer): void {
  if (disguise) disguise.offers = disguise.offers.filter((piece) => !content.have.has(piece));
}

/** Switches the mode: we look empty to peers that come from now on, or everybody is shown everything. */
export function setSuperSeed(state: TorrentState, superSeed: boolean): void {
  state.mode.superSeed = superSeed;
  if (superSeed) return;
  state.offering = undefined;
  state.availability.unmirror();
  for (const peer of state.peers.toArray()) {
    if (peer.disguise !== undefined) unmask(state, peer, peer.disguise);
  }
}

/** Shows every peer what its turn is. */
export function offerPieces(state: TorrentState): void {
  state.mode.offersDue = false;
  const disguised = state.peers.toArray().filter((peer) =>
    peer.disguise !== undefined && !isUploadOnly(peer)
  );
  if (disguised.length === 0) return;
  const offering = state.offering ??= new Offering(state.availability, state.ledger.have.length);
  offering.recount(disguised);
  // BEP 16 waits for "at least one other client". A peer that is alone would wait for ever: it goes on when it is done.
  const isAlone = disguised.length < 2;
  for (const peer of disguised) {
    // Without the fast extension a peer that has nothing says nothing (BEP 3 "peer messages", bitfield).
    if (peer.content.announced || !peer.fast) offerTo(state, peer, { offering, isAlone });
  }
}

/**
 * Gives up one offer of each peer that would stand still for ever: it wants none of the pieces that it was shown and lacks,
 * as it may want some files only, or has them all and cannot pass them on.
 *
 * Departs from BEP 16: it never goes on before a piece is seen elsewhere, because it thinks of whole swarms only.
 */
export function replaceOffers(state: TorrentState): void {
  for (const peer of state.peers.all()) {
    const hopeless = hopelessOffer(state, peer), { disguise } = peer;
    if (disguise === undefined || hopeless === undefined) continue;
    disguise.offers = disguise.offers.filter((piece) => piece !== hopeless);
    state.mode.offersDue = true;
  }
}

function hopelessOffer({ now }: TorrentState, { disguise, flags, content }: Peer): number | undefined {
  const lacking = disguise?.offers.find((piece) => !content.have.has(piece));
  if (lacking !== undefined) return flags.peerInterested ? undefined : lacking;
  return disguise && now - disguise.offeredAt >= PATIENCE_MS ? disguise.offers[0] : undefined;
}

interface Round {
  readonly offering: Offering;
  /** There is no other peer that could show a piece. */
  readonly isAlone: boolean;
}

function offerTo(state: TorrentState, peer: Peer, { offering, isAlone }: Round): void {
  const disguise = peer.disguise!, { availability, ledger, setup } = state;
  disguise.offers = disguise.offers.filter((piece) => {
    const isPassedOn = isAlone || availability.of(piece) > 1;
    if (!isPassedOn || !peer.content.have.has(piece)) return true;
    offering.count(piece, -1);
    return false;
  });
  while (disguise.offers.length < MAX_OFFERS && !disguise.isExhausted) {
    const piece = offering.choose(peer, ledger.have, setup.random);
    disguise.isExhausted = piece === undefined;
    if (piece === undefined) return;
    disguise.offers = [...disguise.offers, piece];
    disguise.shown.add(piece);
    disguise.offeredAt = state.now;
    offering.count(piece, 1);
    send(state, peer, { type: "have", piece });
  }
}

function unmask(state: TorrentState, peer: Peer, { shown }: Disguise): void {
  peer.disguise = undefined;
  const news = state.ledger.have.without(peer.content.have);
  if (news.count > MAX_UNMASKED) return closePeer(state, peer, "super-seeding is over");
  for (const piece of news.indexes()) if (!shown.has(piece)) send(state, peer, { type: "have", piece });
}
