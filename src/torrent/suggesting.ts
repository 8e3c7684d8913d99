/** Advice to peers: which pieces we can send without reading the disk (BEP 6 "Suggest Piece"). */

import type { Peer } from "./peer.ts";
import { send, type TorrentState } from "./state.ts";
import type { TorrentInput } from "./vocabulary.ts";

/** Suggestions that one peer gets at a time; advice ages quickly. */
const MAX_AT_ONCE = 4;
/** Suggestions that are remembered per peer, so that it gets each once. */
const MAX_REMEMBERED = 1024;

/**
 * Suggests what is in memory to the peers we serve. BEP 6 "Suggest Piece": "the seed SHOULD operate to maintain a roughly
 * equal number of copies of each piece", so only pieces that are behind the others, also once who is reading them has them.
 */
export function onCached(state: TorrentState, { pieces }: Extract<TorrentInput, { type: "cached" }>): void {
  const copies = meanCopies(state), { availability, ledger } = state;
  const advice = pieces.filter((piece) => ledger.have.has(piece) && availability.of(piece) + 1 < copies);
  if (advice.length === 0) return;
  for (const peer of state.peers.all()) if (isServed(peer)) suggest(state, peer, advice);
}

/** How many of our peers have a piece, on the average. */
function meanCopies({ peers, setup: { geometry } }: TorrentState): number {
  let sum = 0;
  for (const { content } of peers.all()) sum += content.have.count;
  return sum / geometry.pieceCount;
}

function isServed({ fast, flags, disguise }: Peer): boolean {
  return fast && flags.peerInterested && !flags.amChoking && disguise === undefined;
}

function suggest(state: TorrentState, peer: Peer, advice: readonly number[]): void {
  const { suggested } = peer.up;
  const news = advice.filter((piece) => !peer.content.have.has(piece) && !suggested.has(piece));
  for (const piece of news.slice(-MAX_AT_ONCE)) {
    suggested.add(piece);
    send(state, peer, { type: "suggest", piece });
  }
  for (const piece of suggested) {
    if (suggested.size <= MAX_REMEMBERED) return;
    suggested.delete(piece);
  }
}
