import { assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import { PieceLedger } from "../../src/torrent/piece_ledger.ts";

const geometry = uniformGeometry(35, 10);

Deno.test("PieceLedger.left counts the bytes of pieces that are not ours, wanted or not", () => {
  const have = new Bitfield(4);
  have.set(0);
  const ledger = new PieceLedger({ geometry, have, priorities: Uint8Array.of(1, 1, 0, 1) });
  assertEquals([ledger.left, ledger.missing.count], [25, 2]);
  assertEquals([ledger.gain(3), ledger.gain(3), ledger.left], [true, false, 20]);
  assertEquals([ledger.lose(0), ledger.lose(0), ledger.left], [true, false, 30]);
});

Deno.test("PieceLedger.setUrgent() merges the readers' lists by rank and leaves out what is ours", () => {
  const ledger = new PieceLedger({ geometry });
  assertEquals(ledger.setUrgent(1, [3, 1, 99, -1]), new Set([3, 1]));
  ledger.setUrgent(2, [0, 3, 2]);
  assertEquals([...ledger.urgent], [3, 0, 1, 2]);
  ledger.gain(3);
  assertEquals([...ledger.urgent], [0, 1, 2]);
  ledger.lose(3);
  assertEquals([...ledger.urgent], [3, 0, 1, 2]);
  assertEquals(ledger.setUrgent(2, []), new Set([3, 0, 1, 2]));
  assertEquals([...ledger.urgent], [3, 1]);
});

Deno.test("PieceLedger.level() gives unwanted pieces that a reader waits for the lowest priority", () => {
  const ledger = new PieceLedger({ geometry, priorities: Uint8Array.of(0, 0, 9, 3) });
  ledger.setUrgent(1, [0, 3]);
  assertEquals([0, 1, 2, 3].map((piece) => ledger.level(piece)), [1, 0, 7, 3]);
});

Deno.test("PieceLedger.setUrgent() is bounded", () => {
  const large = new PieceLedger({ geometry: uniformGeometry(100_000, 1) });
  for (let reader = 0; reader < 500; reader++) {
    large.setUrgent(
      reader,
      Array.from({ length: 500 }, (_, i) => reader * 500 + i).filter((i) => i < 100_000),
    );
  }
  assertEquals(large.urgent.size, 64 * 64);
});

Deno.test("PieceLedger.setPriorities() wants one per piece", () => {
  const ledger = new PieceLedger({ geometry });
  assertThrows(() => ledger.setPriorities(new Uint8Array(3)), RangeError, "got 3 priorities for 4 pieces");
});
