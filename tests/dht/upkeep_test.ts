import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { randomBytes } from "../../src/bytes/random.ts";
import { FRESH_MS } from "../../src/dht/bucket.ts";
import { decodeKrpc, encodeKrpc } from "../../src/dht/messages/krpc.ts";
import { isNodeIdOf } from "../../src/dht/node_id.ts";
import { DhtNode } from "../../src/dht/node.ts";
import type { DhtNodeState } from "../../src/dht/vocabulary.ts";
import { encodeCompactPeer } from "../../src/peer/compact_peer.ts";
import { globalAddress, seeded, VirtualDht, type VirtualNode } from "./virtual_dht.ts";

const ROUTER = { host: "192.0.2.1", port: 6881 };

function states({ told }: VirtualNode): DhtNodeState[] {
  return told.flatMap((effect) => effect.type === "state" ? [effect.state] : []);
}

/** A network with a router that is well connected. */
function network(count: number): { dht: VirtualDht; nodes: VirtualNode[] } {
  const dht = new VirtualDht();
  dht.add(ROUTER);
  const nodes = Array.from({ length: count }, (_, i) => {
    const node = dht.add(globalAddress(i), { routers: [ROUTER] });
    dht.run(200);
    return node;
  });
  dht.run(30_000);
  return { dht, nodes };
}

Deno.test("a node finds its way from a router, which never comes into its table", () => {
  const { dht } = network(20), node = dht.add(globalAddress(100), { routers: [ROUTER] });
  dht.run(3_000);
  assertEquals(states(node), ["bootstrapping", "ready"]);
  const known = node.node.nodes(dht.now).map(({ address }) => address.host);
  assert(known.length >= 8 && !known.includes(ROUTER.host));
});

Deno.test("a node asks its snapshot first, and routers only if nobody answers", () => {
  const { dht, nodes } = network(20), snapshot = nodes[3]!.node.exportSnapshot(dht.now);
  const asked: string[] = [], deliver = dht.deliver.bind(dht);
  dht.deliver = (from, to, bytes) => {
    if (from.host === globalAddress(100).host && decodeKrpc(bytes).type === "query") asked.push(to.host);
    deliver(from, to, bytes);
  };
  const warm = dht.add(globalAddress(100), { snapshot, routers: [ROUTER] });
  dht.run(3_000);
  assertEquals(states(warm), ["bootstrapping", "ready"]);
  assert(asked.length > 0 && !asked.includes(ROUTER.host));
  dht.remove(warm);
  for (const node of nodes) dht.remove(node);
  asked.length = 0;
  dht.add(globalAddress(100), { snapshot, routers: [ROUTER] });
  dht.run(10_000);
  assert(asked.indexOf(ROUTER.host) >= 8, "after the saved nodes");
});

Deno.test("a node that is refused for its id learns its address from that, and begins again with another id (BEP 42)", () => {
  const { dht } = network(20), deliver = dht.deliver.bind(dht), own = globalAddress(100);
  dht.deliver = (from, to, bytes) => {
    const message = decodeKrpc(bytes);
    const isRefused = from.host === own.host && message.type === "query" &&
      message.query.type !== "invalid" &&
      !isNodeIdOf(from.host, message.query.id);
    if (!isRefused) return deliver(from, to, bytes);
    // As libtorrent does that enforces it.
    const refusal = { type: "error", code: 203, message: "invalid node ID" } as const;
    const requester = encodeCompactPeer(from);
    deliver(to, from, encodeKrpc({ ...refusal, transaction: message.transaction, requester }));
  };
  const nodes = Array.from({ length: 8 }, (_, i) => globalAddress(i)), node = dht.add(own, { nodes });
  const before = node.node.nodeId()!;
  dht.run(3_000);
  assertEquals(states(node), ["bootstrapping", "ready"]);
  assertNotEquals(node.node.nodeId(), before);
  assert(isNodeIdOf(own.host, node.node.nodeId()!) && node.node.nodes(dht.now).length >= 8);
});

Deno.test("nodes that all start at once, with one of them to begin with, have found each other after minutes", () => {
  const dht = new VirtualDht(), entry = [globalAddress(0)];
  const nodes = Array.from({ length: 40 }, (_, i) => dht.add(globalAddress(i), { nodes: entry }));
  dht.run(3 * 60_000);
  for (const { node } of nodes) assert(node.nodes(dht.now).length >= 8);
  for (const [i, node] of nodes.entries()) {
    const other = nodes[(i + 7) % 40]!;
    dht.put(node, { type: "findNode", id: 1, target: other.node.nodeId()! });
    const found = dht.finish(node, 1).flatMap((told) => told.type === "nodes" ? told.nodes : []);
    assertEquals(found[0]?.address, other.address);
  }
});

Deno.test("a snapshot keeps the id and the nodes that have not failed", () => {
  const { dht, nodes: [node] } = network(20);
  const again = new DhtNode({ random: seeded(9), snapshot: node!.node.exportSnapshot(dht.now) }, 0);
  assertEquals(again.nodeId(), node!.node.nodeId());
  assertEquals(again.nodes(0), [], "saved nodes must answer before they count");
});

Deno.test("a node that reaches nobody says so at once and tries again, ever more seldom", () => {
  const dht = new VirtualDht(), node = dht.add(globalAddress(1), { routers: [ROUTER, globalAddress(2)] });
  dht.run(5_000);
  assertEquals(states(node), ["bootstrapping", "unreachable"]);
  dht.run(3_600_000);
  const tries = states(node).filter((state) => state === "bootstrapping").length;
  assert(tries > 5 && tries < 20, `${tries} tries in an hour`);
});

Deno.test("a node that knows nobody says so at once, and is found by others", () => {
  const dht = new VirtualDht(), first = dht.add(globalAddress(1));
  dht.run(10);
  assertEquals(states(first), ["bootstrapping", "unreachable"]);
  const second = dht.add(globalAddress(2), { nodes: [first.address] });
  dht.run(5_000);
  assertEquals([first, second].map(({ node }) => node.state), ["ready", "ready"]);
});

Deno.test("addNode and addRouter wake a node that reaches nobody, and help one that is just starting", () => {
  const { dht } = network(10);
  for (const type of ["addNode", "addRouter"] as const) {
    for (const wait of [5_000, 0]) {
      const node = dht.add(globalAddress(200 + wait), {});
      dht.run(wait);
      dht.put(node, { type, address: ROUTER });
      dht.run(4_000);
      assertEquals(node.node.state, "ready", `${type} after ${wait} ms`);
      dht.remove(node);
    }
  }
});

Deno.test("addNode, as from a PORT message, brings a node into the table if it answers", () => {
  const { dht, nodes } = network(4), stranger = dht.add(globalAddress(50));
  dht.put(nodes[0]!, { type: "addNode", address: stranger.address });
  dht.put(nodes[0]!, { type: "addNode", address: globalAddress(77) });
  dht.run(2_000);
  const hosts = nodes[0]!.node.nodes(dht.now).map(({ address }) => address.host);
  assert(hosts.includes(stranger.address.host) && !hosts.includes(globalAddress(77).host));
});

Deno.test("a node learns its address from its neighbours and takes an id that belongs to it (BEP 42)", () => {
  const { nodes } = network(20);
  for (const { address, node, told } of nodes) {
    assert(isNodeIdOf(address.host, node.nodeId()!));
    assertEquals(told.filter(({ type }) => type === "externalAddress"), [{
      type: "externalAddress",
      host: address.host,
    }]);
  }
});

Deno.test("externalAddress settles address and id without a vote", () => {
  const dht = new VirtualDht(), node = dht.add(globalAddress(1)), before = node.node.nodeId()!;
  dht.put(node, { type: "externalAddress", host: globalAddress(1).host });
  const after = node.node.nodeId()!;
  assertNotEquals(after, before);
  assert(isNodeIdOf(globalAddress(1).host, after));
  dht.put(node, { type: "externalAddress", host: globalAddress(1).host });
  assertEquals(node.node.nodeId(), after);
  assertEquals(node.told.map(({ type }) => type), ["externalAddress", "nodeId"]);
});

Deno.test("tables stay fresh: nodes that leave are forgotten, nodes that stay are not", () => {
  const { dht, nodes } = network(40);
  for (const node of nodes.slice(20)) dht.remove(node);
  dht.run(3 * FRESH_MS);
  const alive = new Set(nodes.slice(0, 20).map(({ address }) => address.host));
  for (const { node } of nodes.slice(0, 20)) {
    const known = node.nodes(dht.now).map(({ address }) => address.host);
    assert(known.length >= 8, `${known.length} known`);
    assertEquals(known.filter((host) => !alive.has(host)), []);
    assertEquals(node.state, "ready");
  }
});

Deno.test("a node that was gone for long, and comes back as who it was, is known again at once", () => {
  const dht = new VirtualDht({ seed: 5 });
  const [first, second] = [10, 11].map((i) => dht.add({ host: `10.0.0.${i}`, port: 6881 }));
  const address = { host: "10.0.0.12", port: 6881 }, nodeId = randomBytes(dht.random, 20);
  const entry = [first!.address, second!.address];
  const start = () => dht.add(address, { nodeId, nodes: entry });
  const knowIt = () =>
    [first!, second!].map(({ node }) =>
      node.nodes(dht.now).some(({ address: { host } }) => host === address.host)
    );
  const gone = start();
  dht.run(3 * 60_000);
  assertEquals(knowIt(), [true, true]);
  dht.remove(gone);
  dht.run(60 * 60_000);
  assertEquals(knowIt(), [false, false]);
  start();
  dht.run(60_000);
  assertEquals(knowIt(), [true, true]);
});

Deno.test("a node whose link is down keeps its table, says so, and comes back", () => {
  const { dht, nodes: [node] } = network(20), before = node!.node.nodes(dht.now).length;
  dht.loss = 1;
  for (let id = 0; id < 5; id++) {
    dht.put(node!, { type: "findNode", id, target: new Uint8Array(20).fill(id) });
    dht.run(60_000);
  }
  assertEquals(node!.node.state, "unreachable");
  assertEquals(node!.node.nodes(dht.now).length, before);
  dht.loss = 0;
  dht.run(600_000);
  assertEquals(node!.node.state, "ready");
});

Deno.test("an idle node sends little: less than one datagram a second", () => {
  const { dht } = network(30), before = dht.sent;
  dht.run(600_000);
  assert((dht.sent - before) / 600 / 30 < 1, `${(dht.sent - before) / 600 / 30} a second`);
});
