/**
 * Who ruined a v2 piece: its leaf hashes are asked of a peer, with their proof, and tell which blocks are wrong (BEP 52
 * "hash request"). Phases of a failed piece: waiting for its leaves -> asked for again where it is wrong, or on parole.
 */

import { askAllForHashes, askForHashes } from "./asking_hashes.ts";
import type { GoodBlock } from "./blame.ts";
import { banHost } from "./departures.ts";
import { refile } from "./filing.ts";
import type { TorrentState } from "./state.ts";

/** A piece failed, and several hosts have sent of it: asks for its leaves, those first who did not send any of it. */
export function inquire(state: TorrentState, piece: number): void {
  const { blame, hashes, now, peers, setup: { geometry } } = state;
  const suspects = blame.suspects(piece), file = suspects.size > 0 ? geometry.treeFile?.(piece) : undefined;
  if (file === undefined || !hashes.addLeaves(file, piece, now)) return;
  refile(state, piece);
  for (const peer of peers.toArray()) if (!suspects.has(peer.address.host)) askForHashes(state, peer);
  askAllForHashes(state);
}

/** The leaves are known: who lied is banned, and only what was wrong is asked for again. */
export function conclude(
  state: TorrentState,
  { piece, hashes }: { readonly piece: number; readonly hashes: Uint8Array },
): void {
  const { liars, good } = state.blame.judge(piece, hashes);
  for (const host of liars) banHost(state, host, "sent data that fails its hash");
  if (liars.size > 0) restore(state, piece, good);
  refile(state, piece);
  state.mode.hungry = true;
}

/** Opens a piece with the blocks of it that are right, if there is memory: else it is asked for anew. */
function restore(state: TorrentState, piece: number, good: readonly GoodBlock[]): void {
  const { downloads, ledger, mode } = state;
  if (mode.paused || mode.held || !ledger.missing.has(piece) || downloads.get(piece)) return;
  const open = downloads.open(piece);
  if (open === undefined) return;
  for (const { block, bytes, host } of good) {
    open.receive(block, bytes.subarray(0, open.blockLength(block)), host);
  }
  downloads.settle(open);
}
