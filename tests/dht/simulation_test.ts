/**
 * A DHT of many nodes in virtual time: everything that is announced is found, also when nodes leave and packets are
 * lost. `DHT_SIMULATION=full` runs the large one: 1,000 nodes and 10,000 lookups each, some minutes.
 */

import { assert, assertEquals } from "@std/assert";
import { randomBelow, randomBytes } from "../../src/bytes/random.ts";
import { globalAddress, VirtualDht, type VirtualNode } from "./virtual_dht.ts";

const IS_FULL = Deno.env.get("DHT_SIMULATION") === "full";
const SIZES = IS_FULL ? [200, 1000] : [200];
const ANNOUNCES = 100, LOOKUPS_EACH = IS_FULL ? 100 : 10, FIRST_PORT = 1000;

interface Network {
  readonly dht: VirtualDht;
  readonly nodes: VirtualNode[];
  readonly hashes: readonly Uint8Array[];
}

interface Outcome {
  readonly found: number;
  readonly lookups: number;
  readonly queries: number;
  readonly hops: number;
}

/** Nodes join one by one by way of a router; then each of a hundred torrents is announced by one of them. */
function build(count: number, seed: number): Network {
  const dht = new VirtualDht({ seed }), router = dht.add({ host: "192.0.2.1", port: 6881 });
  const nodes = Array.from({ length: count }, (_, i) => {
    const node = dht.add(globalAddress(i), { routers: [router.address] });
    dht.run(100);
    return node;
  });
  dht.run(60_000);
  const hashes = Array.from({ length: ANNOUNCES }, () => randomBytes(dht.random, 20));
  hashes.forEach((infoHash, id) => {
    const node = nodes[randomBelow(dht.random, count)]!;
    dht.put(node, { type: "announce", id, infoHash, port: FIRST_PORT + id });
  });
  dht.run(10_000);
  return { dht, nodes, hashes };
}

/** Every torrent is sought by random nodes, a hundred lookups at a time. */
function lookUpAll({ dht, nodes, hashes }: Network): Outcome {
  let found = 0, queries = 0, hops = 0, nextId = 1_000_000;
  for (let round = 0; round < LOOKUPS_EACH; round++) {
    const batch = hashes.map((infoHash, i) => {
      const node = nodes[randomBelow(dht.random, nodes.length)]!, id = nextId++;
      dht.put(node, { type: "getPeers", id, infoHash });
      return { node, id, port: FIRST_PORT + i };
    });
    for (const { node, id, port } of batch) {
      const told = dht.finish(node, id), done = told.at(-1);
      assert(done?.type === "done", "every lookup comes to an end");
      if (told.some((effect) => effect.type === "peers" && effect.peers.some((peer) => peer.port === port))) {
        found++;
      }
      queries += done.report.queries;
      hops += done.report.hops;
    }
    for (const { node } of batch) node.told.length = 0;
  }
  const lookups = hashes.length * LOOKUPS_EACH;
  return { found, lookups, queries: queries / lookups, hops: hops / lookups };
}

function report(what: string, count: number, outcome: Outcome): void {
  const { found, lookups, queries, hops } = outcome;
  console.log(
    `${what}: ${found} of ${lookups} found, ${queries.toFixed(1)} queries and ${
      hops.toFixed(2)
    } hops a lookup, ` +
      `log2 N = ${Math.log2(count).toFixed(1)}`,
  );
}

for (const count of SIZES) {
  Deno.test(`among ${count} nodes everything announced is found, in few steps`, () => {
    const network = build(count, 7), outcome = lookUpAll(network);
    report(`${count} nodes`, count, outcome);
    assertEquals(outcome.found, outcome.lookups);
    assert(outcome.hops <= Math.log2(count) && outcome.queries <= 4 * Math.log2(count));
  });

  Deno.test(`among ${count} nodes, a fifth of them gone and 5 % of the packets lost, 99 % is found`, () => {
    const { dht, nodes, hashes } = build(count, 8);
    for (const node of nodes) if (dht.random() < 0.2) dht.remove(node);
    dht.loss = 0.05;
    const outcome = lookUpAll({ dht, hashes, nodes: nodes.filter(({ isAlive }) => isAlive) });
    report(`${count} nodes, a fifth gone, 5 % loss`, count, outcome);
    assert(outcome.found >= 0.99 * outcome.lookups);
  });
}

Deno.test("the same seed gives the same run", () => {
  const run = (seed: number) => {
    const { dht, nodes } = build(50, seed);
    return [dht.sent, dht.now, ...nodes.map(({ node, told }) => [node.nodeId(), told.length])];
  };
  assertEquals(run(5), run(5));
});
