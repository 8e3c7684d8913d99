/**
 * Local service discovery (BEP 14): peers of one local network find each other without tracker or internet.
 *
 * {@linkcode LsdBeacon} decides without sockets and clock: put into it the torrents that we are in, the datagrams that
 * come from the multicast groups and the time; carry out what it answers, which is datagrams to send and peers that were
 * found. After each call ask for its `deadline()` and put in a `tick` when it comes. {@linkcode encodeLsdAnnounce} and
 * {@linkcode decodeLsdAnnounce} are the datagrams.
 *
 * Private torrents must not be announced (BEP 27).
 *
 * Two neighbours; the second one hears of the first:
 *
 * ```ts
 * import { LsdBeacon } from "@network/bittorrent/lsd";
 * import { assertEquals } from "@std/assert";
 *
 * const alice = new LsdBeacon({ random: Math.random, families: [4], port: 6881 });
 * const bob = new LsdBeacon({ random: Math.random, families: [4], port: 6882 });
 * const infoHash = new Uint8Array(20).fill(7);
 * alice.handle({ type: "join", infoHash }, 0);
 * bob.handle({ type: "join", infoHash }, 0);
 *
 * const now = alice.deadline()!;
 * const [announce] = alice.handle({ type: "tick" }, now);
 * assertEquals(announce?.type === "send" && announce.to, { host: "239.192.152.143", port: 6771 });
 *
 * const bytes = announce?.type === "send" ? announce.bytes : new Uint8Array();
 * const found = bob.handle({ type: "datagram", from: { host: "192.168.1.5", port: 6771 }, bytes }, now);
 * assertEquals(found, [{ type: "peer", infoHash, address: { host: "192.168.1.5", port: 6881 } }]);
 * ```
 *
 * @module
 */

export { DecodeError, type DecodeErrorOptions } from "../errors.ts";
export type { Random } from "../bytes/random.ts";
export type { PeerAddress } from "../peer/address.ts";
export type { AddressFamily } from "../peer/ip.ts";
export { LsdBeacon, type LsdBeaconOptions, type LsdEffect, type LsdInput } from "./beacon.ts";
export {
  decodeLsdAnnounce,
  encodeLsdAnnounce,
  LSD_GROUPS,
  type LsdAnnounce,
  MAX_INFO_HASHES,
} from "./messages/announce.ts";
