import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { Availability } from "../../src/torrent/availability.ts";
import { Offering } from "../../src/torrent/offering.ts";
import type { Peer } from "../../src/torrent/peer.ts";
import { seededRandom } from "./swarm.ts";

function bitfield(length: number, pieces: readonly number[]): Bitfield {
  const bits = new Bitfield(length);
  for (const piece of pieces) bits.set(piece);
  return bits;
}

/** A peer with these pieces, as far as an offering looks at it. */
function peer(length: number, have: readonly number[], shown: readonly number[] = [], offers = shown): Peer {
  return {
    content: { have: bitfield(length, have) },
    disguise: { shown: new Set(shown), offers },
  } as unknown as Peer;
}

Deno.test("Offering.choose() takes what no peer has, then what is rare, and what is on offer last", () => {
  const availability = new Availability(4, 5), random = seededRandom(1), ours = Bitfield.full(4);
  for (const have of [[0, 1, 2], [0, 1], [0]]) availability.addPeer(bitfield(4, have));
  const offering = new Offering(availability, 4), taken: (number | undefined)[] = [];
  for (const shown of [[], [3], [3, 2], [3, 2, 1], [3, 2, 1, 0]]) {
    taken.push(offering.choose(peer(4, [], shown), ours, random));
  }
  assertEquals(taken, [3, 2, 1, 0, undefined]);
  offering.recount([peer(4, [], [3, 2])]);
  assertEquals(offering.choose(peer(4, []), ours, random), 1);
  offering.count(1, 1);
  assertEquals(offering.choose(peer(4, []), ours, random), 0);
  offering.recount([]);
  assertEquals(offering.choose(peer(4, []), ours, random), 3);
});

Deno.test("Offering.choose() follows peers that come, gain, lose and go, and gives only what is ours", () => {
  const availability = new Availability(3, 5),
    random = seededRandom(1),
    offering = new Offering(availability, 3);
  const most = bitfield(3, [1, 2]), inverse = availability.addPeer(most);
  const choose = (ours = Bitfield.full(3)) => offering.choose(peer(3, []), ours, random);
  assertEquals(choose(), 0);
  availability.change(0, 1);
  availability.change(1, -1);
  assertEquals(choose(), 1);
  availability.change(1, 1);
  availability.change(0, -1);
  availability.removePeer(most, inverse);
  availability.addPeer(bitfield(3, [0, 1]));
  assertEquals(choose(), 2);
  assertEquals(choose(bitfield(3, [0])), 0);
});

Deno.test("Offering.choose() agrees with a look at every piece", () => {
  const LENGTH = 60, pieces = fc.uniqueArray(fc.nat(LENGTH - 1));
  fc.assert(fc.property(fc.array(pieces, { maxLength: 5 }), pieces, pieces, (holders, have, shown) => {
    const availability = new Availability(LENGTH, 8), all = Bitfield.full(LENGTH);
    const offering = new Offering(availability, LENGTH);
    for (const holder of holders) availability.addPeer(bitfield(LENGTH, holder));
    const open = [...all.indexes()].filter((piece) => !have.includes(piece) && !shown.includes(piece));
    const chosen = offering.choose(peer(LENGTH, have, shown), all, seededRandom(7));
    if (open.length === 0) return assertEquals(chosen, undefined);
    assert(open.includes(chosen!));
    assertEquals(availability.of(chosen!), Math.min(...open.map((piece) => availability.of(piece))));
  }));
});

Deno.test("Offering leaves the counts and choices of the download alone", () => {
  const availability = new Availability(3, 5), all = Bitfield.full(3);
  const chooser = { has: all, refused: new Set<number>(), suggested: [], random: seededRandom(1) };
  new Offering(availability, 3);
  availability.addPeer(all);
  assertEquals([availability.of(0), availability.pickRarest(chooser)], [1, undefined]);
  availability.unmirror();
  availability.change(0, -1);
  assertEquals(availability.of(0), 0);
});
