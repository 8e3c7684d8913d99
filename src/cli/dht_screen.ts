/** The picture of a DHT node at work, as a pure function of what is known and the width. */

import type { DhtRunner } from "../io/dht_runner.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { formatCount, groupDigits } from "./format.ts";
import { type Palette, shorten, spread } from "./render.ts";

/** A node under way. */
export interface DhtView {
  /** 40 hex digits. */
  readonly id: string;
  /** Where it listens. */
  readonly address: PeerAddress;
  /** How others see it, once enough of them agree (BEP 42). */
  readonly externalHost: string | undefined;
  readonly state: string;
  readonly stats: ReturnType<DhtRunner["stats"]>;
}

/** Four lines: who, how it stands, what flows, and what it keeps for others. */
export function dhtScreen(view: DhtView, width: number, palette: Palette): readonly string[] {
  const { id, address, externalHost, state, stats } = view;
  const paint = state === "ready" ? palette.green : state === "unreachable" ? palette.red : palette.yellow;
  const seen = externalHost === undefined ? "" : `seen as ${externalHost}`;
  const { queriesSent, repliesHeard, queriesAnswered, infoHashes, peers, items } = stats;
  const flow = `↑ ${groupDigits(queriesSent)} asked, ${groupDigits(repliesHeard)} replied  ` +
    `↓ ${groupDigits(queriesAnswered)} answered`;
  const kept = `keeps ${formatCount(peers, "peer")} of ${formatCount(infoHashes, "torrent")}, ` +
    formatCount(items, "value");
  return [
    palette.bold(spread(id, formatPeerAddress(address), width)),
    paint(spread(`${state}, ${formatCount(stats.nodes, "node")}`, seen, width)),
    shorten(flow, width),
    palette.dim(shorten(kept, width)),
  ];
}
