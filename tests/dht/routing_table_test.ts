import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { randomBytes } from "../../src/bytes/random.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { BUCKET_SIZE, FRESH_MS, statusOf, type TableNode } from "../../src/dht/bucket.ts";
import type { NodeContact } from "../../src/dht/messages/node_info.ts";
import { bindNodeId, compareDistance, randomIdNear, sharedPrefix } from "../../src/dht/node_id.ts";
import { RoutingTable } from "../../src/dht/routing_table.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import { globalAddress, seeded } from "./virtual_dht.ts";

const OWN = new Uint8Array(20);

function table(): RoutingTable {
  return new RoutingTable(OWN, seeded(1), 0);
}

/** A node that shares `bits` leading bits with us, in a local network: no limits, every id is right. */
function local(bits: number, index: number): NodeContact {
  return {
    id: randomIdNear(seeded(bits * 1000 + index), OWN, bits),
    address: { host: `10.0.${bits}.${index}`, port: 1 },
  };
}

function member(routes: RoutingTable, { address }: NodeContact): TableNode | undefined {
  return [...routes.nodes()].find((node) =>
    node.address.host === address.host && node.address.port === address.port
  );
}

Deno.test("RoutingTable.replied() splits only the bucket that holds our own id", () => {
  const routes = table();
  for (let i = 0; i < 30; i++) routes.replied(local(0, i), 0);
  assertEquals([routes.size, routes.bucketCount], [8, 2]);
  for (let bits = 1; bits < 5; bits++) for (let i = 0; i < 30; i++) routes.replied(local(bits, i), 0);
  assertEquals([routes.size, routes.bucketCount], [40, 6]);
  for (const node of routes.nodes()) assert(sharedPrefix(node.id, OWN) < 5);
});

Deno.test("RoutingTable.replied() never takes in ourselves", () => {
  const routes = table();
  routes.replied({ id: OWN, address: globalAddress(1) }, 0);
  assertEquals(routes.size, 0);
});

Deno.test("RoutingTable.replied() evicts a node that changes its id, unless it obeys BEP 42", () => {
  const routes = table(), address = globalAddress(1), node = { id: local(1, 1).id, address };
  routes.replied(node, 0);
  routes.replied({ address, id: local(2, 2).id }, 1);
  assertEquals(routes.size, 0);
  routes.replied(node, 2);
  const bound = bindNodeId(node.id, address.host, 77);
  routes.replied({ address, id: bound }, 3);
  assertEquals(member(routes, node)?.id, bound);
});

Deno.test("RoutingTable.replied() leaves a good node its id", () => {
  const routes = table(), node = local(1, 1), thief = { id: node.id, address: globalAddress(9) };
  routes.replied(node, 0);
  routes.replied(thief, 1);
  assertEquals([...routes.nodes()].map(({ address }) => address), [node.address]);
});

Deno.test("statusOf() follows BEP 5: good, questionable, bad", () => {
  const routes = table(), node = local(0, 1);
  routes.replied(node, 0);
  const entry = member(routes, node)!;
  assertEquals(statusOf(entry, FRESH_MS - 1), "good");
  assertEquals(statusOf(entry, FRESH_MS), "questionable");
  assertEquals(routes.queried(formatPeerAddress(node.address), node.id, FRESH_MS), "known");
  assertEquals(statusOf(entry, FRESH_MS), "good", "it has answered before, and asked lately");
  routes.failed(node.address, FRESH_MS);
  assertEquals(statusOf(entry, FRESH_MS), "good", "one lost packet is no failure");
  routes.failed(node.address, FRESH_MS);
  assertEquals(statusOf(entry, FRESH_MS), "bad");
  routes.replied(node, FRESH_MS);
  assertEquals(statusOf(entry, FRESH_MS), "good");
});

Deno.test("RoutingTable.replied() asks for a ping of the questionable node seen least recently", () => {
  const routes = table(), nodes = Array.from({ length: BUCKET_SIZE }, (_, i) => local(0, i));
  for (let i = 0; i < 20; i++) routes.replied(local(1, i), 0);
  nodes.forEach((node, i) => routes.replied(node, i));
  const late = FRESH_MS + BUCKET_SIZE, newcomer = local(0, 50);
  assertEquals(routes.replied(newcomer, late)?.address, nodes[0]!.address);
  assertEquals(member(routes, newcomer), undefined, "until somebody fails");
  // The pinged node answers: the next one is suspected, until one fails or all are good (BEP 5 "routing table").
  assertEquals(routes.replied(nodes[0]!, late)?.address, nodes[1]!.address);
  assertEquals(routes.failed(nodes[1]!.address, late)?.address, nodes[1]!.address, "it is tried once more");
  routes.failed(nodes[1]!.address, late);
  assertEquals([member(routes, nodes[1]!), member(routes, newcomer)?.address], [undefined, newcomer.address]);
});

Deno.test("RoutingTable.replied() asks for nothing while all nodes are good", () => {
  const routes = table();
  for (let i = 0; i < 20; i++) assertEquals(routes.replied(local(0, i), 0), undefined);
});

Deno.test("RoutingTable.replied() prefers ids that the address allows (BEP 42)", () => {
  const routes = new RoutingTable(new Uint8Array(20).fill(255), seeded(1), 0), random = seeded(5);
  const liars = Array.from(
    { length: 40 },
    (_, i) => ({ id: randomBytes(random, 20), address: globalAddress(i) }),
  );
  for (const liar of liars) {
    liar.id[0]! &= 0x7f;
    routes.replied(liar, 0);
  }
  for (let i = 100; i < 200; i++) {
    const address = globalAddress(i), id = bindNodeId(randomBytes(random, 20), address.host, i);
    routes.replied({ id, address }, 0);
  }
  assert([...routes.nodes()].every(({ verified }) => verified));
});

Deno.test("RoutingTable keeps one node per address and network in a bucket, three per network in all", () => {
  const routes = table();
  for (let i = 1; i < 250; i++) {
    for (const bits of [0, 1, 2, 3, 4, 5]) {
      const id = randomIdNear(seeded(i * 10 + bits), OWN, bits);
      routes.replied({ id, address: { host: `20.30.40.${i}`, port: bits + 1 } }, 0);
    }
  }
  assert(routes.size <= 3, `${routes.size} nodes of one /24`);
});

Deno.test("RoutingTable cannot be filled near our id from one /24", () => {
  const routes = table(),
    honest = Array.from({ length: 60 }, (_, i) => ({
      id: randomBytes(seeded(i), 20),
      address: globalAddress(i),
    }));
  for (const node of honest) routes.replied(node, 0);
  for (let i = 1; i < 250; i++) {
    const id = randomIdNear(seeded(i), OWN, 20 + i % 100);
    routes.replied({ id, address: { host: `66.66.66.${i}`, port: 6881 } }, 0);
  }
  const near = routes.closest(OWN, 8, 0).filter(({ address }) => address.host.startsWith("66.66.66."));
  assert(near.length <= 3, `${near.length} of the 8 nearest are the attacker's`);
});

Deno.test("RoutingTable.wants() tells whether a ping could be of use", () => {
  const routes = table();
  assert(routes.wants(local(0, 1), 0));
  assert(!routes.wants({ id: OWN, address: globalAddress(1) }, 0));
  for (let i = 0; i < 20; i++) {
    routes.replied(local(0, i), 0);
    routes.replied(local(1, i), 0);
  }
  assert(!routes.wants(local(0, 99), 0), "the bucket is full of good nodes");
  assert(routes.wants(local(0, 99), FRESH_MS), "they have become questionable");
  assert(routes.wants(local(7, 99), 0), "our own bucket splits");
});

Deno.test("RoutingTable.closest() finds what sorting everything finds", () => {
  const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(bytes20, fc.nat(), fc.integer({ min: 1, max: 20 }), (target, seed, count) => {
      const random = seeded(seed), routes = new RoutingTable(randomBytes(random, 20), random, 0);
      for (let i = 0; i < 200; i++) {
        routes.replied({ id: randomBytes(random, 20), address: globalAddress(i) }, 0);
      }
      const sorted = [...routes.nodes()].sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, count);
      const found = routes.closest(target, count, 0);
      assertEquals(
        new Set(found.map(({ id }) => encodeHex(id))),
        new Set(sorted.map(({ id }) => encodeHex(id))),
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("RoutingTable.closest() names good nodes first and bad ones never", () => {
  const routes = table();
  for (let i = 0; i < 4; i++) routes.replied(local(0, i), 0);
  for (let i = 4; i < 8; i++) routes.replied(local(0, i), FRESH_MS);
  for (const _ of "12") routes.failed(local(0, 7).address, FRESH_MS);
  const closest = routes.closest(local(0, 0).id, 8, FRESH_MS);
  assertEquals(
    closest.map((node) => statusOf(node, FRESH_MS)).join(),
    "good,good,good" + ",questionable".repeat(4),
  );
});

Deno.test("RoutingTable.takeStaleTarget() names an id in each bucket that has not changed for 15 minutes", () => {
  const routes = table();
  assertEquals(routes.takeStaleTarget(2 * FRESH_MS), undefined, "an empty table is no case for a refresh");
  for (let bits = 0; bits < 3; bits++) for (let i = 0; i < 9; i++) routes.replied(local(bits, i), 0);
  assertEquals(routes.takeStaleTarget(FRESH_MS - 1), undefined);
  const targets = Array.from({ length: routes.bucketCount }, () => routes.takeStaleTarget(FRESH_MS)!);
  const buckets = targets.map((target) => Math.min(routes.bucketCount - 1, sharedPrefix(target, OWN)));
  assertEquals(buckets.sort(), Array.from({ length: routes.bucketCount }, (_, i) => i));
  assertEquals(routes.takeStaleTarget(FRESH_MS), undefined);
});

Deno.test("RoutingTable.takeStaleTarget() looks into an empty bucket before the last after a minute", () => {
  const routes = table();
  for (const bits of [0, 2]) for (let i = 0; i < 9; i++) routes.replied(local(bits, i), 0);
  assertEquals(routes.takeStaleTarget(59_999), undefined);
  assertEquals(sharedPrefix(routes.takeStaleTarget(60_000)!, OWN), 1);
  assertEquals(routes.takeStaleTarget(60_000), undefined);
});

Deno.test("RoutingTable stays within its bounds and true to its index whatever happens", () => {
  const action = fc.record({
    what: fc.constantFrom("replied", "failed", "queried", "drop" as const),
    node: fc.nat(300),
    idSeed: fc.nat(3),
    step: fc.nat(FRESH_MS),
  });
  fc.assert(
    fc.property(fc.array(action, { minLength: 100, maxLength: 300 }), (actions) => {
      const routes = table();
      let now = 0;
      for (const { what, node, idSeed, step } of actions) {
        now += step / 50;
        const address = globalAddress(node), id = randomBytes(seeded(node * 4 + idSeed), 20);
        if (what === "replied") routes.replied({ id, address }, now);
        else if (what === "queried") routes.queried(formatPeerAddress(address), id, now);
        else if (what === "failed") routes.failed(address, now);
        else routes.drop(address);
      }
      assert(routes.size <= routes.bucketCount * BUCKET_SIZE && routes.bucketCount <= 160);
      const all = [...routes.nodes()];
      assertEquals(new Set(all.map(({ address }) => address.host)).size, all.length);
      assertEquals(new Set(all.map(({ id }) => encodeHex(id))).size, all.length);
      const told = routes.closest(OWN, 10_000, now),
        alive = all.filter((node) => statusOf(node, now) !== "bad");
      assertEquals(told.length, alive.length);
    }),
    { numRuns: 60 },
  );
});
