/**
 * Local service discovery: announces torrents to the local network and learns who else is in them (BEP 14). Each torrent is
 * `waiting` for its turn -> announced -> `waiting`, as long as we listen. Private torrents must not join (BEP 27).
 */

import { type Random, randomBytes } from "../bytes/random.ts";
import { encodeHex } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import type { PeerAddress } from "../peer/address.ts";
import { type AddressFamily, addressScope, isIpv6 } from "../peer/ip.ts";
import { nearnessOf } from "../peer/nearness.ts";
import {
  decodeLsdAnnounce,
  encodeLsdAnnounce,
  LSD_GROUPS,
  type LsdAnnounce,
  MAX_INFO_HASHES,
} from "./messages/announce.ts";

/** What happened in the world. */
export type LsdInput =
  /** We are in a swarm: announce it, and tell of others in it. The hash has 20 bytes; a hybrid torrent joins with both. */
  | { readonly type: "join"; readonly infoHash: Uint8Array }
  /** We are in it no longer. */
  | { readonly type: "leave"; readonly infoHash: Uint8Array }
  /** Where we listen for connections; nothing is announced while it is `undefined`. */
  | { readonly type: "port"; readonly port: number | undefined }
  /** A datagram came from the group. The bytes are valid during the call only. */
  | { readonly type: "datagram"; readonly from: PeerAddress; readonly bytes: Uint8Array }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** What the world must do now, in this order. */
export type LsdEffect =
  /** Send the datagram to this group. */
  | { readonly type: "send"; readonly bytes: Uint8Array; readonly to: PeerAddress }
  /** A peer of the local network is in one of our swarms. */
  | { readonly type: "peer"; readonly infoHash: Uint8Array; readonly address: PeerAddress };

/** What a beacon needs from outside. */
export interface LsdBeaconOptions {
  /** Draws the cookie and spreads the announces. */
  readonly random: Random;
  /** The groups that can be sent to; both by default. */
  readonly families?: readonly AddressFamily[];
  /** Where we listen for connections, if we do. */
  readonly port?: number;
}

/** A torrent is announced this often (BEP 14 "usage"). */
const ANNOUNCE_EVERY_MS = 5 * 60_000;
/** Chance adds up to so much: torrents that began together come apart, and old clients read one hash of an announce only. */
const JITTER_MS = 10_000;
/** Between two announces, whatever they announce (BEP 14 "usage"). */
const SPACING_MS = 60_000;
/** A new torrent waits up to so long for others to go with it, and lest machines that start together all shout at once. */
const GATHER_MS = 2_000;

/** Announces of one host that are heeded in a minute: libtorrent sends one per torrent, three times over. */
const MAX_HEARD_OF_HOST = 100;
/** Hosts that are heeded in a minute: a large office. */
const MAX_HOSTS = 1000;
/** How long they are counted. */
const HEARD_WINDOW_MS = 60_000;

/** Bytes of the cookie: two machines of a network will not draw the same. */
const COOKIE_LENGTH = 8;

interface Swarm {
  readonly infoHash: Uint8Array;
  dueAt: number;
}

/** Announces the torrents of a client to its neighbours. */
export class LsdBeacon {
  readonly #random: Random;
  readonly #families: readonly AddressFamily[];
  readonly #cookie: string;
  /** By info hash in hex. */
  readonly #swarms = new Map<string, Swarm>();
  /** Announces in this minute, by host. */
  readonly #heard = new Map<string, number>();
  #port: number | undefined;
  #mayAnnounceAt = -Infinity;
  #heardUntil = -Infinity;

  /** Is in no swarm yet. */
  constructor(options: LsdBeaconOptions) {
    this.#random = options.random;
    this.#families = options.families ?? [4, 6];
    this.#port = options.port;
    this.#cookie = encodeHex(randomBytes(options.random, COOKIE_LENGTH));
  }

  /**
   * Takes one input and answers with what must be done now. Never throws on what others send.
   *
   * @throws {RangeError} If the info hash of a `join` has not 20 bytes.
   */
  handle(input: LsdInput, now: number): readonly LsdEffect[] {
    switch (input.type) {
      case "join":
        return this.#join(input.infoHash, now);
      case "leave":
        this.#swarms.delete(encodeHex(input.infoHash));
        return [];
      case "port":
        this.#port = input.port;
        return this.#announce(now);
      case "datagram":
        return this.#hear(input.from, input.bytes, now);
      case "tick":
        return this.#announce(now);
    }
  }

  /** When to call `handle({ type: "tick" }, now)` at the latest; `undefined` while nothing is to be announced. */
  deadline(): number | undefined {
    if (this.#port === undefined || this.#families.length === 0 || this.#swarms.size === 0) return undefined;
    let dueAt = Infinity;
    for (const swarm of this.#swarms.values()) dueAt = Math.min(dueAt, swarm.dueAt);
    return Math.max(dueAt, this.#mayAnnounceAt);
  }

  #join(infoHash: Uint8Array, now: number): readonly LsdEffect[] {
    if (infoHash.length !== 20) {
      throw new RangeError(`Cannot join swarm: expected 20 bytes, got ${infoHash.length}`);
    }
    const key = encodeHex(infoHash);
    if (this.#swarms.has(key)) return [];
    this.#swarms.set(key, { infoHash: infoHash.slice(), dueAt: now });
    // Only the first of several that come together makes the next announce wait.
    if (this.#mayAnnounceAt <= now) this.#mayAnnounceAt = now + GATHER_MS * this.#random();
    return [];
  }

  #announce(now: number): LsdEffect[] {
    const port = this.#port;
    if (port === undefined || now < this.#mayAnnounceAt) return [];
    const due = [...this.#swarms.values()].filter(({ dueAt }) => dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt)
      .slice(0, MAX_INFO_HASHES);
    if (due.length === 0) return [];
    for (const swarm of due) swarm.dueAt = now + ANNOUNCE_EVERY_MS + JITTER_MS * this.#random();
    this.#mayAnnounceAt = now + SPACING_MS;
    const announce = { infoHashes: due.map(({ infoHash }) => infoHash), port, cookie: this.#cookie };
    return this.#families.map((family) => ({
      type: "send",
      bytes: encodeLsdAnnounce(announce, family),
      to: LSD_GROUPS[family],
    }));
  }

  #hear(from: PeerAddress, bytes: Uint8Array, now: number): LsdEffect[] {
    if (!isReachable(from.host) || !this.#isHeeded(from.host, now)) return [];
    const announce = tryDecode(bytes);
    if (announce === undefined || announce.cookie === this.#cookie) return [];
    const address = { host: from.host, port: announce.port };
    return announce.infoHashes.flatMap((heard): LsdEffect[] => {
      const infoHash = this.#swarms.get(encodeHex(heard))?.infoHash;
      return infoHash === undefined ? [] : [{ type: "peer", infoHash, address }];
    });
  }

  /** Counts what a host sends: nobody makes us work without end. */
  #isHeeded(host: string, now: number): boolean {
    if (now >= this.#heardUntil) {
      this.#heard.clear();
      this.#heardUntil = now + HEARD_WINDOW_MS;
    }
    const count = (this.#heard.get(host) ?? 0) + 1;
    if (count === 1 && this.#heard.size >= MAX_HOSTS) return false;
    this.#heard.set(host, count);
    return count <= MAX_HEARD_OF_HOST;
  }
}

/** Whether a peer can be at the source of a datagram. A link-local IPv6 address says too little: the interface is missing. */
function isReachable(host: string): boolean {
  return nearnessOf(host) !== undefined && !(isIpv6(host) && addressScope(host) === "linkLocal");
}

function tryDecode(bytes: Uint8Array): LsdAnnounce | undefined {
  try {
    return decodeLsdAnnounce(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
