/** Whose fault silence is: a node's, or our own link's (BEP 45 "determining connectivity"). */

import type { PeerAddress } from "../peer/address.ts";
import { sendCheck } from "./sending.ts";
import { type DhtState, familyOf, type Purpose } from "./state.ts";
import type { Transaction } from "./transactions.ts";

/** Somebody's answer proves that the link worked so long before, and asking for such proof once in this time will do. */
const PROOF_MS = 10_000;

/** Silences waiting for proof; beyond, they are forgiven. */
const MAX_UNPROVEN = 64;

/**
 * A query went unanswered. If nobody at all has been heard since it was sent, that is held against the node only when
 * somebody else answers soon: one who has answered lately is asked.
 */
export function onSilence(state: DhtState, { to, sentAt }: Transaction<Purpose>, now: number): void {
  const { upkeep, transactions } = state;
  if (transactions.heardSince(sentAt)) return blame(state, to, now);
  if (upkeep.unproven.length < MAX_UNPROVEN) upkeep.unproven.push({ to, sentAt });
  if (now < upkeep.proofAt) return;
  upkeep.proofAt = now + PROOF_MS;
  const family = familyOf(state, to.host), witness = family?.table.lastHeard(to);
  if (family !== undefined && witness !== undefined) sendCheck(state, family, witness.address, now);
}

/** Somebody was heard: the link works, and has worked a moment ago. */
export function onProof(state: DhtState, now: number): void {
  for (const { to, sentAt } of state.upkeep.unproven.splice(0)) {
    if (sentAt > now - PROOF_MS) blame(state, to, now);
  }
}

function blame(state: DhtState, to: PeerAddress, now: number): void {
  const family = familyOf(state, to.host), suspect = family?.table.failed(to, now);
  if (family !== undefined && suspect !== undefined) sendCheck(state, family, suspect.address, now);
}
