/** The nodes that one lookup knows of, nearest to the target first, and which of them to ask next (BEP 5 "overview"). */

import { equals } from "@std/bytes/equals";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { BUCKET_SIZE } from "./bucket.ts";
import type { NodeContact } from "./messages/node_info.ts";
import { isLocalHost, networkOf } from "./network.ts";
import { compareDistance } from "./node_id.ts";

/** Nodes kept; beyond, the farthest gives way. More than any honest lookup gets to ask. */
const MAX_CANDIDATES = 128;

/** Nodes remembered, so that nobody is asked twice; beyond, strangers are turned away. */
const MAX_KNOWN = 2048;

/** Nodes of one network that wait for the one that was named first. */
const MAX_WAITING = 4;

/** How far a candidate has come: late ones may still reply, but are not waited for. */
export type CandidateStatus = "fresh" | "asked" | "late" | "replied" | "failed";

/** A node that may be asked. */
export interface Candidate {
  /** Its id; unknown for somebody who is only an address. */
  id: Uint8Array | undefined;
  readonly address: PeerAddress;
  /** How many nodes led to it, each named by the one before; 0 if we knew it ourselves. */
  readonly depth: number;
  status: CandidateStatus;
  /** Its reply counts for the end of the lookup, and things may be stored there (BEP 42 "enforcement"). */
  eligible: boolean;
  /** What a store needs. */
  token: Uint8Array | undefined;
  /** The version of a mutable item that it said it holds (BEP 44). */
  seq: bigint | undefined;
  /** It holds the very item that the lookup is about (BEP 44). */
  holdsItem: boolean;
}

/** What a lookup should do next. */
export interface Survey {
  /** The nearest node not asked yet, if it is near enough to be worth it. */
  readonly next: Candidate | undefined;
  /** Nobody is left to ask, and nobody to wait for. */
  readonly isComplete: boolean;
}

/** Candidates in order of distance; those without an id come last. */
export class Shortlist {
  /** What the lookup seeks. */
  readonly target: Uint8Array;
  readonly #candidates: Candidate[] = [];
  /** Everybody taken in so far, by address. */
  readonly #known = new Map<string, Candidate>();
  /** Who speaks for each /24 or /64: more nodes would be one voice. */
  readonly #voices = new Map<string, Candidate>();
  /** Others of these networks, in the order they were named. */
  readonly #waiting = new Map<string, Candidate[]>();

  /** Makes an empty list. */
  constructor(target: Uint8Array) {
    this.target = target;
  }

  /**
   * Whether a node that is named would be taken in: most of them are known. Until it was asked, one that was named with
   * another id may be nearer than that: whoever named it so may have wanted it never to be asked.
   */
  isNews({ id, address }: NodeContact): boolean {
    const known = this.#known.get(formatPeerAddress(address));
    if (known === undefined) return this.#known.size < MAX_KNOWN;
    return known.status === "fresh" && known.id !== undefined &&
      compareDistance(this.target, id, known.id) < 0;
  }

  /** Takes in a node that {@linkcode isNews}; `false` if it is not, or waits because its network is there already. */
  add(contact: NodeContact, depth: number): boolean {
    if (!this.isNews(contact)) return false;
    const known = this.#known.get(formatPeerAddress(contact.address));
    const candidate = known ?? newCandidate(contact.id, contact.address, depth);
    if (known === undefined && !this.#hasNoVoice(contact.address)) return this.#wait(candidate);
    if (known === undefined) this.#remember(candidate);
    this.#move(candidate, contact.id);
    if (this.#candidates.length > MAX_CANDIDATES) this.#dropFarthest();
    return true;
  }

  /** Takes in somebody whose id is not known. */
  addAddress(address: PeerAddress): void {
    const isKnown = this.#known.has(formatPeerAddress(address)) || this.#known.size >= MAX_KNOWN;
    if (isKnown || !this.#hasNoVoice(address)) return;
    this.#candidates.push(this.#remember(newCandidate(undefined, address, 0)));
  }

  /** A candidate does not answer: anybody can name such, so others of its network that wait take its place. */
  giveWay(candidate: Candidate): void {
    if (!this.isVoice(candidate)) return;
    const next = this.#waiting.get(networkOf(candidate.address.host))?.shift();
    if (next?.id !== undefined) this.add({ id: next.id, address: next.address }, next.depth);
  }

  /** Whether a candidate speaks for its network: another may have taken its place while it was silent. */
  isVoice(candidate: Candidate): boolean {
    const voice = this.#voices.get(networkOf(candidate.address.host));
    return voice === undefined || voice === candidate;
  }

  /** A candidate has told its id: if that is news, it takes another place in the order. */
  identify(candidate: Candidate, id: Uint8Array): void {
    if (candidate.id === undefined || !equals(candidate.id, id)) this.#move(candidate, id);
  }

  /** Looks at the eight nearest that have not failed. */
  survey(): Survey {
    let counted = 0, isWaiting = false;
    for (const candidate of this.#candidates) {
      if (counted >= BUCKET_SIZE) break;
      const { status } = candidate;
      if (status === "fresh") return { next: candidate, isComplete: false };
      if (status === "asked") isWaiting = true;
      if (status === "asked" || status === "replied" && candidate.eligible) counted++;
    }
    return { next: undefined, isComplete: !isWaiting };
  }

  /** The nodes nearest to the target that have replied, nearest first, at most eight. */
  closest(): Candidate[];
  /** The same of those that satisfy a condition. */
  closest<C extends Candidate>(condition: (candidate: Candidate) => candidate is C): C[];
  closest(condition: (candidate: Candidate) => boolean = () => true): Candidate[] {
    const closest: Candidate[] = [];
    for (const candidate of this.#candidates) {
      if (closest.length >= BUCKET_SIZE) break;
      if (candidate.status === "replied" && candidate.eligible && condition(candidate)) {
        closest.push(candidate);
      }
    }
    return closest;
  }

  /** How many candidates satisfy a condition. */
  count(condition: (candidate: Candidate) => boolean): number {
    return this.#candidates.filter(condition).length;
  }

  #move(candidate: Candidate, id: Uint8Array): void {
    const at = this.#candidates.indexOf(candidate);
    if (at >= 0) this.#candidates.splice(at, 1);
    candidate.id = id.slice();
    this.#insert(candidate);
  }

  #insert(candidate: Candidate): void {
    const at = this.#candidates.findIndex((other) => isNearer(this.target, candidate, other));
    this.#candidates.splice(at < 0 ? this.#candidates.length : at, 0, candidate);
  }

  #dropFarthest(): void {
    const at = this.#candidates.findLastIndex(({ status }) => status === "fresh");
    if (at >= 0) this.#candidates.splice(at, 1);
  }

  #wait(candidate: Candidate): false {
    const { host } = candidate.address, network = networkOf(host), waiting = this.#waiting.get(network) ?? [];
    if (waiting.length >= MAX_WAITING || waiting.some(({ address }) => address.host === host)) return false;
    this.#waiting.set(network, waiting);
    waiting.push(candidate);
    return false;
  }

  /** Whether nobody of this network is there yet, save one that does not answer. */
  #hasNoVoice({ host }: PeerAddress): boolean {
    const status = this.#voices.get(networkOf(host))?.status;
    return status === undefined || status === "late" || status === "failed";
  }

  #remember(candidate: Candidate): Candidate {
    const { address } = candidate;
    this.#known.set(formatPeerAddress(address), candidate);
    if (!isLocalHost(address.host)) this.#voices.set(networkOf(address.host), candidate);
    return candidate;
  }
}

function newCandidate(id: Uint8Array | undefined, address: PeerAddress, depth: number): Candidate {
  return {
    id,
    address,
    depth,
    status: "fresh",
    eligible: true,
    token: undefined,
    seq: undefined,
    holdsItem: false,
  };
}

function isNearer(target: Uint8Array, candidate: Candidate, other: Candidate): boolean {
  if (candidate.id === undefined || other.id === undefined) return candidate.id !== undefined;
  return compareDistance(target, candidate.id, other.id) < 0;
}
