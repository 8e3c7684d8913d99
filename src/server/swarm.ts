/**
 * The peers of one torrent in one run of memory: a table with open addressing, in which a peer stands at or behind the row
 * that its address hashes to. As objects peers took 1,400 bytes each; a row has 43.
 */

import { type Random, randomBelow } from "../bytes/random.ts";
import { takeFromSlab } from "../bytes/slab.ts";
import { type AddressFamily, formatIp } from "../peer/ip.ts";
import type { AnnouncedPeer, CompactPeers, SwarmCounts } from "../tracker/messages/announce.ts";
import type { Slab, Slabs } from "./slabs.ts";

/** What a peer has: everything, all that it wants (BEP 21), or less. */
export type Role = "downloader" | "partialSeed" | "seed";

/** What a row says of a peer besides its address. */
export interface PeerNote {
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** What it has. */
  readonly role: Role;
  /** Of its address. */
  readonly family: AddressFamily;
  /** When it announced itself, in whole seconds. */
  readonly seenAt: number;
}

/** A peer with its id. */
export type ListedPeer = Required<AnnouncedPeer>;

// A row: address and port as 18 bytes, peer id, second of the last announce, marks.
const PORT = 16, PEER_ID = PORT + 2, SEEN_AT = PEER_ID + 20, MARKS = SEEN_AT + 4, ROW_LENGTH = MARKS + 1;

/** Marks are the role, and whether the address is IPv4; a row without marks is vacant. */
const MARK = { downloader: 1, partialSeed: 2, seed: 3 } as const, ROLE_BITS = 3, IPV4 = 4, VACANT = 0;

/** Both compact forms are part of a row: that of IPv6 is its beginning, that of IPv4 ends there too. */
const COMPACT6_LENGTH = PEER_ID, COMPACT4_LENGTH = 6, COMPACT4 = COMPACT6_LENGTH - COMPACT4_LENGTH;

const NONE = new Uint8Array();

/** Peers of one torrent. They are named by the number of their row, which holds until the next change. */
export class Swarm {
  /** How often the torrent was downloaded. */
  downloaded = 0;
  readonly #slabs: Slabs;
  readonly #hashSeed: number;
  #slab: Slab;
  #start: number;
  #capacity = 1;
  #size = 0;
  #seeds = 0;
  #partialSeeds = 0;

  /** Makes an empty swarm with memory from `slabs`; a secret `hashSeed` keeps others from finding addresses that collide. */
  constructor(slabs: Slabs, hashSeed: number) {
    const { slab, start } = slabs.take(ROW_LENGTH);
    this.#slabs = slabs;
    this.#hashSeed = hashSeed;
    this.#slab = slab;
    this.#start = start;
  }

  /** How many peers there are. */
  get size(): number {
    return this.#size;
  }

  /** What a tracker tells of the swarm. */
  get counts(): SwarmCounts {
    const incomplete = this.#size - this.#seeds;
    return {
      complete: this.#seeds,
      incomplete,
      downloaded: this.downloaded,
      downloaders: incomplete - this.#partialSeeds,
    };
  }

  /** The row of the peer with this address of 18 bytes; -1 if there is none. */
  find(address: Uint8Array): number {
    const row = this.#probe(address);
    return row >= 0 && this.#marks(row) !== VACANT ? row : -1;
  }

  /** Whether the peer of a row has everything. */
  isSeed(row: number): boolean {
    return (this.#marks(row) & ROLE_BITS) === MARK.seed;
  }

  /** Notes what the peer with this address of 18 bytes says now, and answers its row. */
  put(address: Uint8Array, { peerId, role, family, seenAt }: PeerNote): number {
    let row = this.find(address);
    if (row < 0) {
      const capacity = capacityFor(this.#size + 1);
      if (capacity > this.#capacity) this.#resize(capacity);
      row = this.#probe(address);
    }
    const at = this.#at(row), { bytes } = this.#slab;
    if (this.#marks(row) !== VACANT) this.#count(row, -1);
    copy(bytes, at, address, 0, PEER_ID);
    copy(bytes, at + PEER_ID, peerId, 0, SEEN_AT - PEER_ID);
    for (let i = 0; i < 4; i++) bytes[at + SEEN_AT + i] = seenAt >>> 24 - 8 * i;
    bytes[at + MARKS] = MARK[role] | (family === 4 ? IPV4 : 0);
    this.#count(row, 1);
    return row;
  }

  /** Forgets the peer of a row. Those that its presence displaced move up, so that no search ends early. */
  remove(row: number): void {
    const { bytes } = this.#slab, capacity = this.#capacity;
    this.#count(row, -1);
    let hole = row, next = this.#after(row);
    for (let steps = 1; steps < capacity && this.#marks(next) !== VACANT; steps++, next = this.#after(next)) {
      const home = this.#home(bytes, this.#at(next));
      if ((next - home + capacity) % capacity < (next - hole + capacity) % capacity) continue;
      copy(bytes, this.#at(hole), bytes, this.#at(next), ROW_LENGTH);
      hole = next;
    }
    bytes[this.#at(hole) + MARKS] = VACANT;
  }

  /** Forgets somebody. */
  removeAny(random: Random): void {
    let row = randomBelow(random, this.#capacity);
    while (this.#marks(row) === VACANT) row = this.#after(row);
    this.remove(row);
  }

  /** Forgets whoever was not seen since a certain second, and memory that is not needed any more. */
  expire(since: number): void {
    const { bytes } = this.#slab, before = this.#size;
    for (let row = 0; row < this.#capacity; row++) {
      if (this.#marks(row) === VACANT || this.#seenAt(row) >= since) continue;
      this.#count(row, -1);
      bytes[this.#at(row) + MARKS] = VACANT;
    }
    const capacity = capacityFor(this.#size), isTooLarge = capacity * 2 < this.#capacity;
    // Not one by one, as in remove(): where addresses collide, each would move all behind it.
    if (this.#size < before || isTooLarge) this.#resize(isTooLarge ? capacity : this.#capacity);
  }

  /**
   * Up to `count` others that were seen since a certain second: a random stretch of the table, in which they stand in no
   * particular order. Seeds have nothing to give each other.
   */
  draw(asker: number, count: number, since: number, random: Random): number[] {
    const rows: number[] = [], isSeed = this.isSeed(asker), capacity = this.#capacity;
    const wanted = Math.min(count, this.#size - (isSeed ? this.#seeds : 1));
    let row = randomBelow(random, capacity);
    for (let steps = 0; steps < capacity && rows.length < wanted; steps++, row = this.#after(row)) {
      if (this.#marks(row) === VACANT || row === asker || this.#seenAt(row) < since) continue;
      if (!isSeed || !this.isSeed(row)) rows.push(row);
    }
    return rows;
  }

  /** The peers of some rows in compact form. */
  compact(rows: readonly number[]): CompactPeers {
    let count = 0;
    for (const row of rows) if (this.#isIpv4(row)) count++;
    const count6 = rows.length - count;
    const ipv4 = takeFromSlab(count * COMPACT4_LENGTH);
    const ipv6 = count6 > 0 ? takeFromSlab(count6 * COMPACT6_LENGTH) : NONE;
    let end4 = 0, end6 = 0;
    for (const row of rows) {
      const { bytes } = this.#slab, at = this.#at(row);
      if (this.#isIpv4(row)) end4 = copy(ipv4, end4, bytes, at + COMPACT4, COMPACT4_LENGTH);
      else end6 = copy(ipv6, end6, bytes, at, COMPACT6_LENGTH);
    }
    return { ipv4, ipv6 };
  }

  /** The peers of some rows with their ids. */
  list(rows: readonly number[]): ListedPeer[] {
    return rows.map((row) => {
      const { bytes } = this.#slab, at = this.#at(row);
      return {
        host: formatIp(bytes.subarray(at, at + PORT)),
        port: bytes[at + PORT]! << 8 | bytes[at + PORT + 1]!,
        peerId: bytes.slice(at + PEER_ID, at + SEEN_AT),
      };
    });
  }

  /** Gives the memory back; the swarm must not be used any more. */
  release(): void {
    this.#slabs.giveBack(this.#slab, this.#start);
  }

  /** Where the row begins. */
  #at(row: number): number {
    return this.#start + row * ROW_LENGTH;
  }

  /** The next row, with the first behind the last. */
  #after(row: number): number {
    return row + 1 === this.#capacity ? 0 : row + 1;
  }

  #marks(row: number): number {
    return this.#slab.bytes[this.#at(row) + MARKS]!;
  }

  #isIpv4(row: number): boolean {
    return (this.#marks(row) & IPV4) !== 0;
  }

  #seenAt(row: number): number {
    const { bytes } = this.#slab, at = this.#at(row) + SEEN_AT;
    return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
  }

  /** The row that a peer has or would get; -1 if it has none and there is no room. */
  #probe(address: Uint8Array): number {
    const { bytes } = this.#slab;
    let row = this.#home(address, 0);
    for (let steps = 0; steps < this.#capacity; steps++, row = this.#after(row)) {
      if (this.#marks(row) === VACANT || isSame(bytes, this.#at(row), address)) return row;
    }
    return -1;
  }

  /** The row that the address at `at` hashes to, by FNV-1a. */
  #home(bytes: Uint8Array, at: number): number {
    let hash = this.#hashSeed;
    for (let i = 0; i < PEER_ID; i++) hash = Math.imul(hash ^ bytes[at + i]!, 0x01000193);
    return ((hash ^ hash >>> 15) >>> 1) % this.#capacity;
  }

  #count(row: number, step: 1 | -1): void {
    const role = this.#marks(row) & ROLE_BITS;
    this.#size += step;
    if (role === MARK.seed) this.#seeds += step;
    else if (role === MARK.partialSeed) this.#partialSeeds += step;
  }

  #resize(capacity: number): void {
    const { bytes } = this.#slab, slab = this.#slab, start = this.#start;
    const occupied = Array.from({ length: this.#capacity }, (_, row) => this.#at(row))
      .filter((at) => bytes[at + MARKS] !== VACANT);
    const run = this.#slabs.take(capacity * ROW_LENGTH);
    this.#slab = run.slab;
    this.#start = run.start;
    this.#capacity = capacity;
    for (const at of occupied) {
      const row = this.#probe(bytes.subarray(at, at + PEER_ID));
      copy(run.slab.bytes, this.#at(row), bytes, at, ROW_LENGTH);
    }
    this.#slabs.giveBack(slab, start);
  }
}

/** Rows for so many peers: an eighth of them vacant in a large table, lest searches get long. */
function capacityFor(size: number): number {
  let capacity = 1;
  while (capacity < size + (size >> 3)) capacity += (capacity >> 1) + 1;
  return capacity;
}

function isSame(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  // From behind: ports and addresses differ there first.
  let i = PEER_ID - 1;
  while (i >= 0 && bytes[at + i] === address[i]) i--;
  return i < 0;
}

/** Copies a few bytes and answers where they end: a loop beats a call to the platform. */
function copy(into: Uint8Array, at: number, from: Uint8Array, start: number, length: number): number {
  for (let i = 0; i < length; i++) into[at + i] = from[start + i]!;
  return at + length;
}
