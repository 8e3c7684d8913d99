import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Slab, Slabs } from "../../src/server/slabs.ts";

Deno.test("Slabs.take() gives runs of zeros that nobody else has", () => {
  const step = fc.record({ length: fc.constantFrom(43, 86, 700, 5000), give: fc.nat(2), which: fc.nat() });
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
    const slabs = new Slabs(), taken: { slab: Slab; start: number; length: number; mark: number }[] = [];
    for (const [i, { length, give, which }] of steps.entries()) {
      if (give === 0 && taken.length > 0) {
        const [run] = taken.splice(which % taken.length, 1);
        slabs.giveBack(run!.slab, run!.start);
        continue;
      }
      const { slab, start } = slabs.take(length), mark = i % 255 + 1;
      const bytes = slab.bytes.subarray(start, start + length);
      assertEquals(bytes.length, length);
      assert(bytes.every((byte) => byte === 0), "somebody else's bytes");
      bytes.fill(mark);
      taken.push({ slab, start, length, mark });
    }
    for (const { slab, start, length, mark } of taken) {
      assert(slab.bytes.subarray(start, start + length).every((byte) => byte === mark), "runs overlap");
    }
  }));
});

Deno.test("Slabs.take() fills the room there is before it takes more memory", () => {
  const slabs = new Slabs(), first = slabs.take(43), second = slabs.take(43), slab = new Set<Slab>();
  assertEquals(second.slab, first.slab);
  slabs.giveBack(first.slab, first.start);
  assertEquals(slabs.take(43), first);
  for (let i = 0; i < 1000; i++) slab.add(slabs.take(43).slab);
  assert(slab.size <= 3, `${slab.size} slabs for 43,000 bytes`);
});

Deno.test("Slabs.giveBack() lets go of memory that nobody uses", () => {
  const slabs = new Slabs(), runs = Array.from({ length: 1000 }, () => slabs.take(43));
  for (const { slab, start } of runs) slabs.giveBack(slab, start);
  const former = new Set(runs.map(({ slab }) => slab));
  assert(!former.has(slabs.take(43).slab));
});

Deno.test("Slabs.take() gives a long run memory of its own, to the byte", () => {
  assertEquals(new Slabs().take(100_000).slab.bytes.length, 100_000);
});
