/** Which piece a super-seed shows next (BEP 16): all pieces in buckets, by how often they are on offer and how rare they are. */

import type { Bitfield } from "../bytes/bitfield.ts";
import type { Random } from "../bytes/random.ts";
import type { Availability } from "./availability.ts";
import type { Peer } from "./peer.ts";

/** The level of a piece that nobody is being offered; each offer takes it one down, to the lowest. */
const HIGHEST = 7, LOWEST = 1;

const NOTHING: ReadonlySet<number> = new Set();

/** The pieces of a super-seed. A choice looks at a few of them, however many there are. */
export class Offering {
  /** Counts all pieces, ours included: what no peer has comes first. */
  readonly #rarity: Availability;
  #offered = new Map<number, number>();

  /** Files every piece. */
  constructor(availability: Availability, pieceCount: number) {
    this.#rarity = availability.mirror();
    for (let piece = 0; piece < pieceCount; piece++) this.#rarity.insert(piece, HIGHEST);
  }

  /** Counts what peers are being offered now. */
  recount(peers: Iterable<Peer>): void {
    const former = this.#offered;
    this.#offered = new Map();
    for (const { disguise } of peers) {
      for (const piece of disguise?.offers ?? []) {
        this.#offered.set(piece, (this.#offered.get(piece) ?? 0) + 1);
      }
    }
    for (const piece of new Set([...former.keys(), ...this.#offered.keys()])) {
      if (former.get(piece) !== this.#offered.get(piece)) this.#file(piece);
    }
  }

  /** Whether some peer is being offered the piece. */
  isOffered(piece: number): boolean {
    return (this.#offered.get(piece) ?? 0) > 0;
  }

  /** A piece is being offered once more (1), or once less (-1). */
  count(piece: number, by: 1 | -1): void {
    this.#offered.set(piece, (this.#offered.get(piece) ?? 0) + by);
    this.#file(piece);
  }

  /** Of our pieces that the peer lacks and was not shown, the rarest; those that are being offered to others come last. */
  choose({ content, disguise }: Peer, ours: Bitfield, random: Random): number | undefined {
    const has = ours.without(content.have);
    return this.#rarity.pickRarest({ has, refused: disguise?.shown ?? NOTHING, suggested: [], random });
  }

  #file(piece: number): void {
    this.#rarity.insert(piece, Math.max(LOWEST, HIGHEST - (this.#offered.get(piece) ?? 0)));
  }
}
