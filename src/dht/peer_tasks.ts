/** Lookups for nodes and peers: find_node, get_peers, announce_peer (BEP 5) and the scrape (BEP 33). */

import { decode } from "../bencode/decode.ts";
import { encodeHex } from "../bytes/text.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { compactPeerAt } from "../peer/compact_peer.ts";
import { mayName } from "../peer/nearness.ts";
import { filtersOf } from "./peer_store.ts";
import type { DhtState, Lookup, Operation, Task, Writes } from "./state.ts";
import type { DhtReply } from "./messages/reply.ts";
import { type Heard, ownId, type TaskRow, tell } from "./task.ts";

/** Peers that one operation tells or counts; beyond, somebody makes them up. */
const MAX_PEERS_TOLD = 10_000;

/** Peers taken from one reply: more than fit into the longest that anybody sends. */
const MAX_VALUES = 250;

/** Peers taken from our own store: about what a reply of another node would hold. */
const MAX_OWN_PEERS = 100;

type TaskOf<T extends Task["type"]> = Extract<Task, { readonly type: T }>;
type Seeking = TaskOf<"getPeers" | "announce">;

/** Finds nodes for the user. */
export const FIND_NODE: TaskRow<TaskOf<"findNode">> = {
  query: (lookup) => ({ type: "findNode", id: ownId(lookup), target: lookup.shortlist.target }),
  finish(state, operation) {
    const nodes = operation.lookups.flatMap(({ shortlist }) =>
      shortlist.closest().flatMap(({ id, address }) => id === undefined ? [] : [{ id, address }])
    );
    tell(state, operation, { type: "nodes", nodes });
  },
};

/** Finds nodes for the table; with both families at once when starting (BEP 32 "bootstrapping"). */
export const REFRESH: TaskRow<TaskOf<"refresh">> = {
  query: (lookup, task) => ({
    type: "findNode",
    id: ownId(lookup),
    target: lookup.shortlist.target,
    want: task.isBootstrap && lookup.operation.lookups.length > 1 ? [4, 6] : undefined,
  }),
};

/** Finds peers. */
export const GET_PEERS: TaskRow<TaskOf<"getPeers">> = {
  begin: (state, lookup, { seen, noSeed }) => tellOwnPeers(state, lookup, seen, noSeed),
  query: (lookup, { noSeed }) => ({
    type: "getPeers",
    id: ownId(lookup),
    infoHash: lookup.shortlist.target,
    noSeed,
  }),
  onReply: hearPeers,
};

/** Finds peers and becomes one. */
export const ANNOUNCE: TaskRow<TaskOf<"announce">> = {
  begin: (state, lookup, { seen }) => tellOwnPeers(state, lookup, seen, false),
  query: (lookup) => ({ type: "getPeers", id: ownId(lookup), infoHash: lookup.shortlist.target }),
  onReply: hearPeers,
  write: (lookup, { port, impliedPort, seed }, { token }) => ({
    type: "announcePeer",
    id: ownId(lookup),
    infoHash: lookup.shortlist.target,
    port,
    impliedPort,
    seed,
    token,
  }),
  finish: (state, operation, { writes }) => tellStored(state, operation, writes),
};

/** Counts a swarm. */
export const SCRAPE: TaskRow<TaskOf<"scrape">> = {
  begin(_state, { family, shortlist }, { seeds, downloaders }) {
    const swarm = family.peers.find(shortlist.target), own = swarm && filtersOf(swarm);
    if (own === undefined) return;
    seeds.merge(own.seeds);
    downloaders.merge(own.downloaders);
  },
  query: (lookup) => ({
    type: "getPeers",
    id: ownId(lookup),
    infoHash: lookup.shortlist.target,
    scrape: true,
  }),
  onReply(_heard, { seeds, downloaders, peers }, reply) {
    if (reply.seedFilter !== undefined) seeds.merge(reply.seedFilter);
    if (reply.downloaderFilter !== undefined) downloaders.merge(reply.downloaderFilter);
    if (reply.seedFilter !== undefined || reply.downloaderFilter !== undefined) return;
    for (const value of reply.values ?? []) {
      if (peers.size < MAX_PEERS_TOLD) peers.set(encodeHex(value), value.slice(0, -2));
    }
  },
  finish(state, operation, { seeds, downloaders, peers }) {
    // BEP 33 "handling legacy responses": such peers count as downloaders unless they are known as seeds.
    for (const ip of peers.values()) if (!seeds.has(ip)) downloaders.add(ip);
    tell(state, operation, {
      type: "swarm",
      seeds: Math.round(seeds.estimate()),
      downloaders: Math.round(downloaders.estimate()),
    });
  },
};

/** Tells the user how an announce or a put went. */
export function tellStored(state: DhtState, operation: Operation, writes: Writes): void {
  const { accepted: nodes, refusals, skipped } = writes;
  tell(state, operation, { type: "stored", nodes, refusals: refusals.slice(), skipped });
}

function tellOwnPeers(state: DhtState, lookup: Lookup, seen: Set<string>, noSeed: boolean): void {
  const { peers } = lookup.family, swarm = peers.find(lookup.shortlist.target);
  if (swarm === undefined) return;
  tellPeers(state, lookup, seen, peersIn(decode(peers.draw(swarm, MAX_OWN_PEERS, noSeed)) as Uint8Array[]));
}

/** A node has named peers. Of addresses that only make sense in its own network it knows nothing, unless it is ours, too. */
function hearPeers(
  { state, lookup, candidate }: Heard,
  { seen }: Seeking,
  { values = [] }: DhtReply,
): void {
  const { host } = candidate.address;
  tellPeers(
    state,
    lookup,
    seen,
    peersIn(values.slice(0, MAX_VALUES)).filter((peer) => mayName(host, peer.host)),
  );
}

function tellPeers(
  state: DhtState,
  { operation }: Lookup,
  seen: Set<string>,
  peers: readonly PeerAddress[],
): void {
  const news = peers.filter((peer) => {
    const key = formatPeerAddress(peer), isNews = !seen.has(key) && seen.size < MAX_PEERS_TOLD;
    if (isNews) seen.add(key);
    return isNews;
  });
  if (news.length > 0) tell(state, operation, { type: "peers", peers: news });
}

/** Peers in compact form; those with port 0 are nowhere. */
function peersIn(values: readonly Uint8Array[]): PeerAddress[] {
  return values.flatMap((value) => compactPeerAt(value, 0, value.length === 6 ? 4 : 6) ?? []);
}
