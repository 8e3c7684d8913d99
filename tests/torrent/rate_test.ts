import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { BLOCK_LENGTH } from "../../src/torrent/options.ts";
import { Pipeline, type PipelineShare, shareOut } from "../../src/torrent/pipeline.ts";
import { Rate } from "../../src/torrent/rate.ts";

Deno.test("Rate.perSecond() finds a constant rate soon and forgets it later", () => {
  const rate = new Rate(0);
  assertEquals(rate.perSecond(0), 0);
  for (let now = 100; now <= 1000; now += 100) rate.add(10_000, now);
  assertAlmostEquals(rate.perSecond(1000), 100_000, 2000);
  for (let now = 1100; now <= 30_000; now += 100) rate.add(10_000, now);
  assertAlmostEquals(rate.perSecond(30_000), 100_000, 2000);
  assert(rate.perSecond(60_000) < 1000);
  assertEquals(rate.total, 3_000_000);
});

Deno.test("Rate.perSecond() does not take the first block for an endless rate", () => {
  const rate = new Rate(0);
  rate.add(BLOCK_LENGTH, 0);
  assert(rate.perSecond(0) < BLOCK_LENGTH * 5);
});

Deno.test("Pipeline.depth doubles per round trip at first, and stops at what the peer queues", () => {
  const pipeline = new Pipeline(1000, 0);
  const first = pipeline.depth;
  for (let i = 0; i < first; i++) pipeline.received(BLOCK_LENGTH, 50);
  assertEquals(pipeline.depth, 2 * first);
  for (let i = 0; i < 2000; i++) pipeline.received(BLOCK_LENGTH, 60);
  assertEquals(pipeline.depth, 250);
  pipeline.limit = 5000;
  assertEquals(pipeline.depth, 250);
  for (let i = 0; i < 2000; i++) pipeline.received(BLOCK_LENGTH, 70);
  assertEquals(pipeline.depth, 1000);
  pipeline.limit = 0;
  assertEquals(pipeline.depth, 1);
});

Deno.test("Pipeline.depth settles at three seconds of the measured rate", () => {
  const pipeline = new Pipeline(1000, 0);
  const perSecond = 320 * 1024;
  for (let now = 50; now <= 20_000; now += 50) pipeline.received(perSecond / 20, now);
  assertAlmostEquals(pipeline.depth, 3 * perSecond / BLOCK_LENGTH, 3);
});

Deno.test("Pipeline.stall() leaves one request until an answer comes", () => {
  const pipeline = new Pipeline(1000, 0);
  for (let i = 0; i < 100; i++) pipeline.received(BLOCK_LENGTH, 50);
  pipeline.stall(60_000);
  assertEquals(pipeline.depth, 1);
  pipeline.received(BLOCK_LENGTH, 60_010);
  assertEquals(pipeline.depth, 2);
});

Deno.test("shareOut() gives three seconds while there is room, then by rate, and something to everybody", () => {
  const rate = 100 * BLOCK_LENGTH;
  assertEquals(shareOut({ blocks: 2048, peers: 10, rate }), { least: 4, seconds: 3 });
  assertEquals(shareOut({ blocks: 2048, peers: 10, rate: 100 * rate }), { least: 4, seconds: 984 / 10_000 });
  assertEquals(shareOut({ blocks: 2048, peers: 500, rate }), { least: 2, seconds: 24 / 100 });
  assertEquals(shareOut({ blocks: 2048, peers: 5000, rate }), { least: 1, seconds: 0 });
  assertEquals(shareOut({ blocks: 2048, peers: 0, rate: 0 }), { least: 4, seconds: 3 });
});

Deno.test("Pipeline.depth keeps to its share of the memory", () => {
  const pipeline = new Pipeline(1000, 0);
  pipeline.limit = 1000;
  const receive = (from: number, to: number, share?: PipelineShare) => {
    for (let now = from; now < to; now += 10) pipeline.received(BLOCK_LENGTH, now, share);
  };
  receive(0, 10_000);
  assertAlmostEquals(pipeline.depth, 300, 3);
  receive(10_000, 11_000, { least: 2, seconds: 0.1 });
  assertAlmostEquals(pipeline.depth, 12, 1);
  receive(11_000, 12_000, { least: 4, seconds: 3 });
  assertAlmostEquals(pipeline.depth, 300, 3);
});
