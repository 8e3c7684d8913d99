/** The nodes that one lookup knows of, nearest to the target first, and which of them to ask next (BEP 5 "overview"). */

import { equals } from "@std/bytes/equals";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { BUCKET_SIZE } from "./bucket.ts";
import type { NodeContact } from "./messages/node_info.ts";
import { isLocalHost, networkOf } from "./network.ts";
import { compareDistance } from "./node_id.ts";

/** Nodes kept; beyond, the farthest gives way. More than any honest lookup gets to ask. */
const MAX_CANDIDATES = 128;

/** Addresses and networks remembered, so that nobody is asked twice; beyond, strangers are turned away. */
const MAX_SEEN = 4096;

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
  readonly #seen = new Set<string>();

  /** Makes an empty list. */
  constructor(target: Uint8Array) {
    this.target = target;
  }

  /** Whether this address has been taken in, or turned away, before: most of what nodes name has. */
  knows(address: PeerAddress): boolean {
    return this.#seen.has(formatPeerAddress(address));
  }

  /** Takes in a node; `false` if it was known, or its network is there already. */
  add(contact: NodeContact, depth: number): boolean {
    if (!this.#remember(contact.address)) return false;
    this.#insert(newCandidate(contact.id, contact.address, depth));
    if (this.#candidates.length > MAX_CANDIDATES) this.#dropFarthest();
    return true;
  }

  /** Takes in somebody whose id is not known. */
  addAddress(address: PeerAddress): void {
    if (this.#remember(address)) this.#candidates.push(newCandidate(undefined, address, 0));
  }

  /** A candidate has told its id: if that is news, it takes another place in the order. */
  identify(candidate: Candidate, id: Uint8Array): void {
    if (candidate.id !== undefined && equals(candidate.id, id)) return;
    const at = this.#candidates.indexOf(candidate);
    if (at >= 0) this.#candidates.splice(at, 1);
    candidate.id = id.slice();
    this.#insert(candidate);
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

  #insert(candidate: Candidate): void {
    const at = this.#candidates.findIndex((other) => isNearer(this.target, candidate, other));
    this.#candidates.splice(at < 0 ? this.#candidates.length : at, 0, candidate);
  }

  #dropFarthest(): void {
    const at = this.#candidates.findLastIndex(({ status }) => status === "fresh");
    if (at >= 0) this.#candidates.splice(at, 1);
  }

  /** One address, and elsewhere than on a local network one node of each /24 or /64: more would be one voice. */
  #remember(address: PeerAddress): boolean {
    if (this.knows(address) || this.#seen.size >= MAX_SEEN) return false;
    this.#seen.add(formatPeerAddress(address));
    if (isLocalHost(address.host)) return true;
    const network = networkOf(address.host), isFirst = !this.#seen.has(network);
    this.#seen.add(network);
    return isFirst;
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
