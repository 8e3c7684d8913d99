/** What a tracker's word is worth about addresses of this very machine. */

import { isLocal, lookUp } from "../io/redirects.ts";
import type { Network } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import { nearnessOf } from "../peer/nearness.ts";

/** The nearness of this machine. */
const HERE = 2;

/**
 * Gives on the peers that a tracker names: those that it may know of at once, those of this machine if the tracker turns
 * out to be next to us. One of the internet that names them wants us to knock at our own services. Addresses of private
 * networks are given on whoever names them: trackers of a campus or a provider serve such networks from outside.
 */
export async function heedTracker(
  network: Network,
  { tracker, peers, signal }: {
    readonly tracker: string;
    readonly peers: readonly PeerAddress[];
    readonly signal: AbortSignal;
  },
  addPeers: (peers: readonly PeerAddress[]) => void,
): Promise<void> {
  const isHere = ({ host }: PeerAddress) => nearnessOf(host) === HERE, here = peers.filter(isHere);
  addPeers(here.length === 0 ? peers : peers.filter((peer) => !isHere(peer)));
  if (here.length > 0 && await isNextToUs(network, tracker, signal)) addPeers(here);
}

/** A name that stands for addresses of both kinds, or for none that is known, is somebody else's. */
async function isNextToUs(network: Network, tracker: string, signal: AbortSignal): Promise<boolean> {
  const addresses = await lookUp(network, new URL(tracker).hostname, { signal }).catch(() => []);
  return addresses.length > 0 && addresses.every((address) => isLocal([address]));
}
