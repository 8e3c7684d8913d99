/** Addresses that may be dialled: where they came from, when to try again, in which order (BEP 40), and who is banned. */

import { type Random, randomUint32 } from "../bytes/random.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { type AddressFamily, addressFamily, parseIp } from "../peer/ip.ts";
import { peerPriority } from "../peer/priority.ts";
import { nearnessOf } from "../peer/nearness.ts";
import type { CandidateSource } from "./vocabulary.ts";

/** Addresses kept: a multiple of what can ever be connected, and a scan of them still takes microseconds. */
const MAX_CANDIDATES = 2000;
/** Hosts that stay banned; the oldest ban ends first. */
const MAX_BANNED = 4096;
/** Hosts whose offences are counted. */
const MAX_STRIKING = 1024;
/** Offences after which a host is banned: one may be an accident of versions. */
const MAX_STRIKES = 3;
/** How long after a failed dial an address is dialled again; doubled by each further failure. */
const RETRY_MS = 15_000;
/** The same after a connection, which is no sooner than a full peer has room again: libtorrent's minute. */
const RECONNECT_MS = 60_000;
/** The longest such wait. */
const MAX_RETRY_MS = 30 * 60_000;
/** Failures in a row after which an address is forgotten, unless the user gave it. */
const MAX_FAILURES = 5;

interface Candidate {
  readonly address: PeerAddress;
  readonly source: CandidateSource;
  /** Greater is tried first: the canonical priority if our address is known, else chance. */
  rank: number;
  failures: number;
  /** Not before this time. */
  dialAt: number;
  phase: "idle" | "dialling" | "connected" | "ourselves";
  /** It wants nothing, as far as we know. */
  uploadOnly: boolean;
}

/** What is known of a connection when it ends. */
export interface Parting {
  /** The time. */
  readonly now: number;
  /** Payload went one way or the other. */
  readonly useful: boolean;
  /** The peer wanted nothing. */
  readonly uploadOnly: boolean;
  /** It was we who ended it, and not for any fault of the peer: it may be dialled again at once. */
  readonly blameless: boolean;
}

/** What a choice of the next address depends on. */
export interface DialChoice {
  /** The time. */
  readonly now: number;
  /** We want nothing either: peers that want nothing are of no use. */
  readonly skipUploadOnly: boolean;
}

/** The list of candidates of one torrent. */
export class Candidates {
  /** Dials under way. */
  dialling = 0;
  readonly #random: Random;
  readonly #known = new Map<string, Candidate>();
  readonly #banned = new Set<string>();
  readonly #strikes = new Map<string, number>();
  /** The addresses under which peers see us: those of IPv4 one, those of IPv6 another. */
  readonly #ours = new Map<AddressFamily, PeerAddress>();
  #dueAt: number | undefined;

  /** Starts empty. */
  constructor(random: Random, ours: PeerAddress | undefined) {
    this.#random = random;
    if (ours !== undefined) this.#ours.set(addressFamily(ours.host), ours);
  }

  /** Number of addresses. */
  get size(): number {
    return this.#known.size;
  }

  /** When the next address may be dialled, at the earliest. */
  get dueAt(): number | undefined {
    return this.#dueAt;
  }

  /** The address under which peers of its family see us is known now: orders the addresses anew. */
  setOurs(address: PeerAddress): void {
    this.#ours.set(addressFamily(address.host), address);
    for (const candidate of this.#known.values()) candidate.rank = this.#rank(candidate.address);
  }

  /**
   * The canonical priority of a peer (BEP 40); `undefined` while the address under which it sees us is unknown, or if either
   * is no IP address.
   */
  priorityOf(address: PeerAddress): number | undefined {
    const ours = this.#ours.get(addressFamily(address.host));
    if (ours === undefined || parseIp(ours.host) === undefined) return undefined;
    return parseIp(address.host) === undefined ? undefined : peerPriority(ours, address);
  }

  /** Takes new addresses. Known ones stay as they are, unless the user names one again: that is to be dialled now. */
  add(source: CandidateSource, addresses: readonly PeerAddress[], now: number): void {
    for (const address of addresses) {
      const key = formatPeerAddress(address), known = this.#known.get(key);
      if (known !== undefined && source === "user") this.#renew(known, now);
      if (known !== undefined || !this.#isUseful(address)) continue;
      if (this.#known.size >= MAX_CANDIDATES && !this.#makeRoom()) return;
      this.#put(key, address, source, now);
    }
  }

  /** Forgets every address; bans stay. */
  forget(): void {
    this.#known.clear();
    this.dialling = 0;
    this.#dueAt = undefined;
  }

  /** The best address that may be dialled now; it counts as being dialled until the outcome is known. */
  next(choice: DialChoice): PeerAddress | undefined {
    let best: Candidate | undefined;
    this.#dueAt = undefined;
    for (const candidate of this.#known.values()) {
      if (candidate.phase !== "idle" || (choice.skipUploadOnly && candidate.uploadOnly)) continue;
      if (candidate.dialAt > choice.now || (best !== undefined && !isBetter(candidate, best))) {
        this.#dueBy(candidate.dialAt);
        continue;
      }
      if (best !== undefined) this.#dueBy(best.dialAt);
      best = candidate;
    }
    if (best === undefined) return undefined;
    best.phase = "dialling";
    this.dialling++;
    return best.address;
  }

  /** Looks at every address again, because what was of no use may be now: who never failed us need not wait. */
  wake(now: number): void {
    for (const candidate of this.#known.values()) if (candidate.failures === 0) candidate.dialAt = now;
    this.#dueBy(now);
  }

  /** A dial came to nothing. */
  failed(address: PeerAddress, now: number): void {
    const candidate = this.#settled(address);
    if (candidate !== undefined) this.#retry(candidate, candidate.failures + 1, { now, waitMs: RETRY_MS });
  }

  /** A connection to this address stands, whoever opened it. */
  connected(address: PeerAddress, now: number): void {
    const key = formatPeerAddress(address);
    if (!this.#known.has(key) && this.#isUseful(address) && this.#known.size < MAX_CANDIDATES) {
      this.#put(key, address, "incoming", now);
    }
    const candidate = this.#settled(address);
    if (candidate !== undefined) candidate.phase = "connected";
  }

  /** The connection to this address is over. */
  disconnected(address: PeerAddress, parting: Parting): void {
    const candidate = this.#settled(address);
    if (candidate === undefined) return;
    candidate.uploadOnly = parting.uploadOnly;
    const failures = parting.useful || parting.blameless ? 0 : candidate.failures + 1;
    this.#retry(candidate, failures, { now: parting.now, waitMs: parting.blameless ? 0 : RECONNECT_MS });
  }

  /** The address turned out to be ours: it is never dialled again. */
  isOurselves(address: PeerAddress): void {
    const candidate = this.#settled(address);
    if (candidate !== undefined) candidate.phase = "ourselves";
  }

  /** Whether the host is banned. */
  isBanned(host: string): boolean {
    return this.#banned.has(host);
  }

  /** Never dials this host again, nor takes its connections. */
  ban(host: string): void {
    this.#banned.add(host);
    trim(this.#banned, MAX_BANNED);
    for (const [key, candidate] of this.#known) {
      if (candidate.address.host !== host) continue;
      if (candidate.phase === "dialling") this.dialling--;
      this.#known.delete(key);
    }
  }

  /** The host broke the rules; answers whether it did so too often. */
  strike(host: string): boolean {
    const strikes = (this.#strikes.get(host) ?? 0) + 1;
    this.#strikes.delete(host);
    this.#strikes.set(host, strikes);
    trim(this.#strikes, MAX_STRIKING);
    return strikes >= MAX_STRIKES;
  }

  #rank(address: PeerAddress): number {
    return this.priorityOf(address) ?? randomUint32(this.#random);
  }

  #isUseful(address: PeerAddress): boolean {
    const ours = this.#ours.get(addressFamily(address.host));
    const isOurs = ours?.host === address.host && ours.port === address.port;
    if (isOurs || (parseIp(address.host) && nearnessOf(address.host) === undefined)) return false;
    return address.port > 0 && address.port <= 0xffff && !this.#banned.has(address.host);
  }

  #renew(candidate: Candidate, now: number): void {
    candidate.failures = 0;
    this.#dueBy(candidate.dialAt = now);
  }

  #put(key: string, address: PeerAddress, source: CandidateSource, now: number): void {
    const rank = this.#rank(address);
    this.#known.set(key, {
      address,
      source,
      rank,
      failures: 0,
      dialAt: now,
      phase: "idle",
      uploadOnly: false,
    });
    this.#dueBy(now);
  }

  /** Gives up an address that has failed and is not the user's, if there is one. */
  #makeRoom(): boolean {
    for (const [key, { phase, failures, source }] of this.#known) {
      if (phase === "idle" && failures > 0 && source !== "user") return this.#known.delete(key);
    }
    return false;
  }

  /** The candidate of that address, no longer being dialled. */
  #settled(address: PeerAddress): Candidate | undefined {
    const candidate = this.#known.get(formatPeerAddress(address));
    if (candidate?.phase === "dialling") this.dialling--;
    if (candidate !== undefined) candidate.phase = "idle";
    return candidate;
  }

  #retry(candidate: Candidate, failures: number, after: { now: number; waitMs: number }): void {
    if (failures >= MAX_FAILURES && candidate.source !== "user") {
      this.#known.delete(formatPeerAddress(candidate.address));
      return;
    }
    candidate.failures = failures;
    candidate.dialAt = after.now + Math.min(MAX_RETRY_MS, after.waitMs * 2 ** Math.max(0, failures - 1));
    this.#dueBy(candidate.dialAt);
  }

  #dueBy(at: number): void {
    if (this.#dueAt === undefined || at < this.#dueAt) this.#dueAt = at;
  }
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.failures !== b.failures) return a.failures < b.failures;
  return a.rank > b.rank;
}

function trim(keys: Set<string> | Map<string, number>, max: number): void {
  for (const oldest of keys.keys()) {
    if (keys.size <= max) return;
    keys.delete(oldest);
  }
}
