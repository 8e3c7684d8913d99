import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RequestQueue } from "../../src/torrent/request_queue.ts";

const range = fc.record({ piece: fc.nat(3), begin: fc.nat(2), length: fc.constantFrom(1, 0xffffffff) });
const step = fc.oneof(
  { weight: 5, arbitrary: range.map((range) => ({ do: "push" as const, range })) },
  { weight: 2, arbitrary: range.map((range) => ({ do: "remove" as const, range })) },
  { weight: 3, arbitrary: fc.constant({ do: "shift" as const }) },
  { weight: 1, arbitrary: fc.nat(3).map((piece) => ({ do: "takeAll" as const, piece })) },
);

Deno.test("RequestQueue behaves like an array", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const queue = new RequestQueue();
    let model: { piece: number; begin: number; length: number }[] = [];
    for (const step of steps) {
      if (step.do === "push") {
        queue.push(step.range);
        model.push(step.range);
      } else if (step.do === "shift") {
        assertEquals(queue.shift(), model.shift());
      } else if (step.do === "remove") {
        const { range } = step;
        const at = model.findIndex((other) =>
          other.piece === range.piece && other.begin === range.begin && other.length === range.length
        );
        assertEquals(queue.remove(range), at >= 0);
        if (at >= 0) model.splice(at, 1);
      } else {
        assertEquals(
          queue.takeAll((piece) => piece === step.piece),
          model.filter((r) => r.piece === step.piece),
        );
        model = model.filter((r) => r.piece !== step.piece);
      }
      assertEquals(queue.size, model.length);
    }
    for (const expected of model) assertEquals(queue.shift(), expected);
  }));
});

Deno.test("RequestQueue.push() keeps the order across growth", () => {
  const queue = new RequestQueue();
  for (let i = 0; i < 10; i++) queue.push({ piece: i, begin: 0, length: 1 });
  for (let i = 0; i < 10; i++) assertEquals(queue.shift()?.piece, i);
  for (let i = 0; i < 5000; i++) queue.push({ piece: i, begin: i, length: 16384 });
  assert(queue.remove({ piece: 4999, begin: 4999, length: 16384 }));
  for (let i = 0; i < 4999; i++) assertEquals(queue.shift(), { piece: i, begin: i, length: 16384 });
  assertEquals(queue.shift(), undefined);
});

Deno.test("RequestQueue.remove() and push() keep a long queue going", () => {
  const queue = new RequestQueue(), length = 16384, begin = 0;
  for (let piece = 0; piece < 16384; piece++) queue.push({ piece, begin, length });
  for (let piece = 0; piece < 4000; piece++) {
    assert(queue.remove({ piece, begin, length }));
    queue.push({ piece: piece + 16384, begin, length });
  }
});

Deno.test("RequestQueue.remove() finds thousands in either order, and does not look for one in the middle of a long queue", () => {
  const length = 16384, begin = 0, count = 16384;
  for (const order of ["oldest first", "newest first"]) {
    const queue = new RequestQueue();
    for (let piece = 0; piece < count + 5000; piece++) {
      if (piece >= count) queue.shift(); // so that it goes around
      queue.push({ piece, begin, length });
    }
    const pieces = Array.from({ length: count }, (_, i) => i + 5000), middle = pieces[count / 2]!;
    assert(!queue.remove({ piece: middle, begin, length }));
    for (const piece of order === "oldest first" ? pieces : pieces.toReversed()) {
      assert(queue.remove({ piece, begin, length }), `${piece}`);
    }
    assertEquals(queue.size, 0);
  }
});
