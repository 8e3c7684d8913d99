/**
 * What a node does of its own accord: find its first nodes, keep its tables fresh, forget what is old (BEP 5 "routing
 * table").
 *
 * bootstrapping -> ready | unreachable; unreachable -> bootstrapping, after a while or when somebody new is named
 */

import type { PeerAddress } from "../peer/address.ts";
import { offerAddress, startOperation } from "./lookup.ts";
import type { NodeContact } from "./messages/node_info.ts";
import { onOverdue } from "./on_reply.ts";
import { sendCheck } from "./sending.ts";
import { type DhtState, type Family, familyOf, type Operation, type Upkeep } from "./state.ts";
import type { DhtNodeState } from "./vocabulary.ts";

/** How often tables are looked after: one silent node is pinged and one stale bucket refreshed at a time. */
const CHECK_MS = 10_000;

/** Strangers pinged between two checks: enough to fill a table in a minute, too few to be worth abusing. */
const PROBES_PER_CHECK = 20;

/** How long a stranger is kept waiting. */
const PROBE_DELAY_MS = 500;

/** Operations of the user under way at a time: some hundred datagrams a second, however many torrents there are. */
const MAX_RUNNING = 32;

/** How often the stores are swept. */
const SWEEP_MS = 5 * 60_000;

/** Pauses between bootstraps that find nobody: 15 s, 30 s, … 8 minutes. */
const RETRY_MS = 15_000, MAX_RETRY_DOUBLINGS = 5;

/** The upkeep of a node that has just been made. */
export function newUpkeep(now: number): Upkeep {
  return {
    state: undefined,
    bootstrap: undefined,
    bootstrapAt: now,
    bootstrapEndedAt: now,
    isRenamed: false,
    failures: 0,
    checkAt: now + CHECK_MS,
    sweepAt: now + SWEEP_MS,
    unproven: [],
    proofAt: now,
    strangers: [],
    probeAt: Infinity,
    probesLeft: PROBES_PER_CHECK,
    ended: [],
    queue: new Map(),
  };
}

/** When `onTick` should be called. */
export function nextDeadline({ transactions, upkeep }: DhtState): number {
  const bootstrapAt = upkeep.bootstrap === undefined ? upkeep.bootstrapAt : Infinity;
  return Math.min(transactions.deadline(), bootstrapAt, upkeep.probeAt, upkeep.checkAt, upkeep.sweepAt);
}

/** Does what is due. */
export function onTick(state: DhtState, now: number): void {
  const { upkeep } = state;
  onOverdue(state, now);
  if (now >= upkeep.bootstrapAt && upkeep.bootstrap === undefined) startBootstrap(state, now);
  if (now >= upkeep.probeAt) pingStrangers(state, now);
  if (now >= upkeep.checkAt) checkTables(state, now);
  if (now >= upkeep.sweepAt) sweep(state, now);
}

/** Looks at what the current call has brought about; the last thing that every call does. */
export function afterwards(state: DhtState, now: number): void {
  const { upkeep } = state;
  do {
    for (let ended = upkeep.ended.pop(); ended !== undefined; ended = upkeep.ended.pop()) {
      if (ended === upkeep.bootstrap) onBootstrapEnd(state, ended, now);
      else if (isDeaf(state, ended)) startBootstrap(state, now);
    }
    startQueued(state, now);
  } while (upkeep.ended.length > 0);
  // Somebody has found us, or has come back.
  const isFound = upkeep.state === "unreachable" && knowsNodes(state) &&
    state.transactions.heardSince(upkeep.bootstrapEndedAt);
  if (isFound && upkeep.bootstrap === undefined) startBootstrap(state, now);
}

/** As many operations of the user as may be under way at a time, in the order they were wished for. */
function startQueued(state: DhtState, now: number): void {
  for (const [id, start] of state.upkeep.queue) {
    if (state.operations.size >= MAX_RUNNING) return;
    state.upkeep.queue.delete(id);
    startOperation(state, start, now);
  }
}

/**
 * A node has asked something. It may belong into the table: that turns out when it answers a ping (BEP 5 "routing
 * table"), which is sent a little later, apart from the reply, for the sender may be forged.
 */
export function onAsker(
  state: DhtState,
  family: Family,
  asker: NodeContact & { readonly text: string },
  now: number,
): void {
  const { table } = family, { upkeep, contacts } = state, standing = table.queried(asker.text, asker.id, now);
  if (standing === "known" || upkeep.probesLeft === 0 || contacts.isRouter(asker.address)) return;
  if (standing === "stranger" && !table.wants(asker, now)) return;
  upkeep.probesLeft--;
  upkeep.strangers.push(asker.address);
  upkeep.probeAt = Math.min(upkeep.probeAt, now + PROBE_DELAY_MS);
}

/** Somebody may be a node. */
export function onAddNode(state: DhtState, address: PeerAddress, now: number): void {
  state.contacts.addNode(address);
  onContact(state, address, now);
  const family = familyOf(state, address.host);
  if (family !== undefined) sendCheck(state, family, address, now);
}

/** Somebody is a router. */
export function onAddRouter(state: DhtState, address: PeerAddress, now: number): void {
  state.contacts.addRouter(address);
  onContact(state, address, now);
}

/** New hope: a bootstrap under way takes it along, and one that failed is tried again. */
function onContact(state: DhtState, address: PeerAddress, now: number): void {
  const { upkeep } = state, family = familyOf(state, address.host);
  const lookup = upkeep.bootstrap?.lookups.find((lookup) => lookup.family === family);
  if (lookup !== undefined) offerAddress(state, lookup, address, now);
  else if (upkeep.state === "unreachable") startBootstrap(state, now);
}

/** BEP 5 "routing table": find the nodes closest to ourselves; everybody on the way gets to know us. */
function startBootstrap(state: DhtState, now: number): void {
  const { upkeep } = state;
  if (upkeep.bootstrap !== undefined) return;
  upkeep.bootstrapAt = Infinity;
  upkeep.isRenamed = false;
  setState(state, "bootstrapping");
  upkeep.bootstrap = startOperation(state, {
    id: undefined,
    task: { type: "refresh", isBootstrap: true },
    targetOf: ({ table }) => table.id,
  }, now);
}

function onBootstrapEnd(state: DhtState, { replies }: Operation, now: number): void {
  const { upkeep } = state;
  upkeep.bootstrap = undefined;
  upkeep.bootstrapEndedAt = now;
  if (replies > 0 && knowsNodes(state)) {
    upkeep.failures = 0;
    return setState(state, "ready");
  }
  // BEP 42 "enforcement": whoever refused our former id may answer the one that follows from our address.
  if (upkeep.isRenamed) return startBootstrap(state, now);
  upkeep.bootstrapAt = now + RETRY_MS * 2 ** Math.min(MAX_RETRY_DOUBLINGS, upkeep.failures++);
  setState(state, "unreachable");
}

/** Whether an operation has asked many in vain, and nobody else has been heard either. */
function isDeaf({ transactions, upkeep }: DhtState, { queries, replies, startedAt }: Operation): boolean {
  return upkeep.state === "ready" && queries > 0 && replies === 0 && !transactions.heardSince(startedAt);
}

function knowsNodes({ families }: DhtState): boolean {
  return families.some(({ table }) => table.size > 0);
}

function setState(state: DhtState, to: DhtNodeState): void {
  if (state.upkeep.state === to) return;
  state.upkeep.state = to;
  state.effects.push({ type: "state", state: to });
}

function pingStrangers(state: DhtState, now: number): void {
  state.upkeep.probeAt = Infinity;
  for (const address of state.upkeep.strangers.splice(0)) {
    const family = familyOf(state, address.host);
    if (family !== undefined) sendCheck(state, family, address, now);
  }
}

function checkTables(state: DhtState, now: number): void {
  state.upkeep.checkAt = now + CHECK_MS;
  state.upkeep.probesLeft = PROBES_PER_CHECK;
  for (const family of state.families) {
    const silent = family.table.takeQuestionable(now), target = family.table.takeStaleTarget(now);
    if (silent !== undefined) sendCheck(state, family, silent.address, now);
    if (target === undefined) continue;
    startOperation(state, {
      id: undefined,
      task: { type: "refresh", isBootstrap: false },
      families: [family],
      targetOf: () => target,
    }, now);
  }
}

function sweep(state: DhtState, now: number): void {
  state.upkeep.sweepAt = now + SWEEP_MS;
  state.items.expire(now);
  for (const { peers } of state.families) peers.expire(now);
}
