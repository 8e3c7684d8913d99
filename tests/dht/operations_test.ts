import { assert, assertEquals, assertThrows } from "@std/assert";
import { equals } from "@std/bytes/equals";
import { encode } from "../../src/bencode/encode.ts";
import { randomBytes } from "../../src/bytes/random.ts";
import { createImmutableItem, type DhtItem, itemTarget, type MutableItem } from "../../src/dht/item.ts";
import { decodeKrpc, encodeKrpc, KRPC_ERRORS } from "../../src/dht/messages/krpc.ts";
import { MAX_OPERATIONS } from "../../src/dht/on_input.ts";
import type { SendableQuery } from "../../src/dht/messages/query.ts";
import { compareDistance } from "../../src/dht/node_id.ts";
import type { DhtEffect } from "../../src/dht/vocabulary.ts";
import { StateError } from "../../src/errors.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import {
  globalAddress,
  globalAddress6,
  seeded,
  VirtualDht,
  type VirtualDhtOptions,
  type VirtualNode,
} from "./virtual_dht.ts";

const HASH = randomBytes(seeded(77), 20);

interface Swarm {
  readonly dht: VirtualDht;
  readonly nodes: VirtualNode[];
}

/** A network in which everybody has found their place, by way of a router that does not count. */
function swarm(count: number, options: VirtualDhtOptions = {}): Swarm {
  const dht = new VirtualDht({ verify: (signature) => signature[0] !== 0, ...options });
  const routers = [dht.add({ host: "192.0.2.1", port: 6881 }).address];
  const nodes = Array.from({ length: count }, (_, i) => {
    const node = dht.add(globalAddress(i), { routers });
    dht.run(200);
    return node;
  });
  dht.run(60_000);
  return { dht, nodes };
}

function pick<T extends DhtEffect["type"]>(
  effects: readonly DhtEffect[],
  type: T,
): Extract<DhtEffect, { type: T }>[] {
  return effects.filter((effect): effect is Extract<DhtEffect, { type: T }> => effect.type === type);
}

function mutable(seq: bigint, options: { salt?: Uint8Array; bad?: boolean } = {}): MutableItem {
  const signature = new Uint8Array(64).fill(options.bad ? 0 : 1), publicKey = new Uint8Array(32).fill(3);
  return { type: "mutable", publicKey, signature, seq, salt: options.salt, value: encode(`version ${seq}`) };
}

Deno.test("ping tells who answers, how fast, or that nobody does", () => {
  const { dht, nodes: [a, b] } = swarm(2);
  dht.put(a!, { type: "ping", id: 1, address: b!.address });
  const [pong, done] = dht.finish(a!, 1);
  assert(pong?.type === "pong" && pong.roundTripMs >= 40 && pong.roundTripMs <= 200);
  assertEquals(pong.node, { id: b!.node.nodeId()!, address: b!.address });
  assertEquals(done?.type, "done");
  dht.put(a!, { type: "ping", id: 2, address: globalAddress(99) });
  assertEquals(dht.finish(a!, 2), [{ type: "failed", id: 2, reason: "timeout" }]);
});

Deno.test("findNode finds the eight nearest nodes of the whole network", () => {
  const { dht, nodes } = swarm(60);
  dht.put(nodes[5]!, { type: "findNode", id: 1, target: HASH });
  const [found] = pick(dht.finish(nodes[5]!, 1), "nodes");
  const ids = nodes.filter((node) => node !== nodes[5]).map(({ node }) => node.nodeId()!);
  const nearest = ids.sort((a, b) => compareDistance(HASH, a, b)).slice(0, 8);
  assertEquals(found!.nodes.map(({ id }) => id), nearest);
});

Deno.test("announce stores on eight nodes, getPeers finds it from anywhere, scrape counts it", () => {
  const { dht, nodes } = swarm(40);
  for (let i = 10; i < 20; i++) {
    dht.put(nodes[i]!, { type: "announce", id: 1, infoHash: HASH, port: 5000 + i, seed: i < 13 });
    const [stored] = pick(dht.finish(nodes[i]!, 1), "stored");
    assertEquals(stored, { type: "stored", id: 1, nodes: 8, refusals: [], skipped: false });
  }
  dht.put(nodes[3]!, { type: "getPeers", id: 2, infoHash: HASH });
  const peers = pick(dht.finish(nodes[3]!, 2), "peers").flatMap((effect) => effect.peers);
  const expected = Array.from(
    { length: 10 },
    (_, i) => ({ host: nodes[10 + i]!.address.host, port: 5010 + i }),
  );
  const byPort = (a: { port: number }, b: { port: number }) => a.port - b.port;
  assertEquals(peers.slice().sort(byPort), expected, "each once");
  dht.put(nodes[4]!, { type: "scrape", id: 3, infoHash: HASH });
  const [counted] = pick(dht.finish(nodes[4]!, 3), "swarm");
  assertEquals(counted, { type: "swarm", id: 3, seeds: 3, downloaders: 7 });
});

Deno.test("getPeers tells peers before the lookup is done", () => {
  const { dht, nodes } = swarm(40);
  dht.put(nodes[1]!, { type: "announce", id: 1, infoHash: HASH, port: 1 });
  dht.finish(nodes[1]!, 1);
  dht.put(nodes[2]!, { type: "getPeers", id: 1, infoHash: HASH });
  const began = dht.now;
  while (pick(nodes[2]!.told, "peers").length === 0) dht.run(1);
  const first = dht.now - began;
  while (pick(nodes[2]!.told, "done").length === 0) dht.run(1);
  assert(first < dht.now - began, `${first} of ${dht.now - began} ms`);
});

Deno.test("impliedPort announces the port that datagrams come from", () => {
  const { dht, nodes } = swarm(12);
  dht.put(nodes[1]!, { type: "announce", id: 1, infoHash: HASH, port: 9, impliedPort: true });
  dht.finish(nodes[1]!, 1);
  dht.put(nodes[2]!, { type: "getPeers", id: 1, infoHash: HASH });
  assertEquals(pick(dht.finish(nodes[2]!, 1), "peers").flatMap(({ peers }) => peers), [nodes[1]!.address]);
});

Deno.test("abort silences an operation, and its id is free again", () => {
  const { dht, nodes: [a] } = swarm(20);
  dht.put(a!, { type: "getPeers", id: 1, infoHash: HASH });
  assertThrows(() => dht.put(a!, { type: "getPeers", id: 1, infoHash: HASH }), StateError);
  const told = a!.told.length;
  dht.put(a!, { type: "abort", id: 1 });
  dht.run(20_000);
  assertEquals(a!.told.length, told);
  dht.put(a!, { type: "getPeers", id: 1, infoHash: HASH });
  assertEquals(pick(dht.finish(a!, 1), "done").length, 1);
});

Deno.test("many operations wait for each other, and all come to an end", () => {
  const { dht, nodes: [a] } = swarm(20), before = dht.sent;
  for (let id = 0; id < 300; id++) dht.put(a!, { type: "findNode", id, target: randomBytes(dht.random, 20) });
  assert(dht.sent - before <= 32 * 3, `${dht.sent - before} queries at once`);
  assertEquals(a!.node.stats().operations, 300);
  dht.put(a!, { type: "abort", id: 299 });
  dht.run(60_000);
  assertEquals(
    pick(a!.told, "done").map(({ id }) => id).sort((x, y) => x - y),
    Array.from({ length: 299 }, (_, i) => i),
  );
});

Deno.test("operations that wait count too: their ids are taken, and there is an end to them", () => {
  const { dht, nodes: [a] } = swarm(20);
  const find = (id: number) => a!.node.handle({ type: "findNode", id, target: HASH }, dht.now);
  for (let id = 0; id < MAX_OPERATIONS; id++) find(id);
  assertThrows(() => find(MAX_OPERATIONS - 1), StateError, "one of this id is under way");
  assertThrows(() => find(MAX_OPERATIONS), StateError, `${MAX_OPERATIONS} are under way`);
  a!.node.handle({ type: "abort", id: MAX_OPERATIONS - 1 }, dht.now);
  find(MAX_OPERATIONS - 1);
});

Deno.test("an operation without anybody to ask is done at once", () => {
  const dht = new VirtualDht(), lonely = dht.add(globalAddress(1));
  dht.put(lonely, { type: "announce", id: 1, infoHash: HASH, port: 1 });
  assertEquals(lonely.told.map(({ type }) => type), ["stored", "done"]);
});

Deno.test("a lookup goes on without nodes that are silent, and is done within seconds", () => {
  const { dht, nodes } = swarm(60);
  for (const node of nodes.slice(30)) dht.remove(node);
  dht.put(nodes[5]!, { type: "findNode", id: 1, target: HASH });
  const began = dht.now, [found] = pick(dht.finish(nodes[5]!, 1), "nodes");
  const ids = nodes.slice(0, 30).filter((node) => node !== nodes[5]).map(({ node }) => node.nodeId()!);
  const nearest = ids.sort((a, b) => compareDistance(HASH, a, b)).slice(0, 8);
  const hit = found!.nodes.filter(({ id }) => nearest.some((other) => equals(id, other)));
  assert(found!.nodes.length === 8 && hit.length >= 6, `${hit.length} of the nearest`);
  assert(dht.now - began < 10_000, `${dht.now - began} ms`);
});

Deno.test("the wrong input is refused with an error that names it", () => {
  const { node } = new VirtualDht().add(globalAddress(1));
  assertThrows(() => node.handle({ type: "findNode", id: 1, target: new Uint8Array(19) }, 0), RangeError);
  assertThrows(() => node.handle({ type: "announce", id: 1, infoHash: HASH, port: 0 }, 0), RangeError);
  assertThrows(() => node.handle({ type: "ping", id: 1, address: { host: "::1", port: 1 } }, 0), RangeError);
  assertThrows(() => node.handle({ type: "verified", verification: 1, valid: true }, 0), StateError);
});

Deno.test("getItem finds an immutable item, and ends as soon as it has", () => {
  const { dht, nodes } = swarm(40), item = createImmutableItem({ hello: "world" });
  dht.put(nodes[1]!, { type: "putItem", id: 1, item });
  assertEquals(pick(dht.finish(nodes[1]!, 1), "stored")[0]!.nodes, 8);
  const target = HASH.slice();
  dht.put(nodes[2]!, { type: "getItem", id: 1, name: { type: "immutable", target } });
  assertEquals(pick(dht.finish(nodes[2]!, 1), "item"), [], "nothing under another target");
  const reader = nodes.find(({ node }) => node.stats().items === 0)!;
  const name = { type: "immutable", target: itemTarget(item) } as const;
  dht.put(reader, { type: "getItem", id: 2, name });
  const [found, done] = dht.finish(reader, 2);
  assertEquals(found, { type: "item", id: 2, item });
  assert(done?.type === "done" && done.report.queries <= 8);
});

Deno.test("getItem finds the newest version of a mutable item, each version verified", () => {
  const { dht, nodes } = swarm(40), salt = Uint8Array.of(1, 2), name = { ...mutable(0n), salt };
  for (const [i, seq] of [3n, 5n, 4n].entries()) {
    dht.put(nodes[i]!, { type: "putItem", id: 1, item: mutable(seq, { salt }) });
    dht.finish(nodes[i]!, 1);
  }
  dht.put(nodes[9]!, { type: "getItem", id: 1, name });
  const found = pick(dht.finish(nodes[9]!, 1), "item").map(({ item }) => item);
  assertEquals(found.at(-1), mutable(5n, { salt }));
  dht.put(nodes[9]!, { type: "getItem", id: 2, name, newerThan: 5n });
  assertEquals(pick(dht.finish(nodes[9]!, 2), "item"), []);
  dht.put(nodes[9]!, { type: "getItem", id: 3, name: { ...name, salt: Uint8Array.of(9) } });
  assertEquals(pick(dht.finish(nodes[9]!, 3), "item"), [], "another salt is another item");
});

Deno.test("putItem with a bad signature is stored nowhere", () => {
  const { dht, nodes: [a] } = swarm(20);
  dht.put(a!, { type: "putItem", id: 1, item: mutable(1n, { bad: true }) });
  const [stored] = pick(dht.finish(a!, 1), "stored");
  assertEquals([stored!.nodes, [...new Set(stored!.refusals)]], [0, [KRPC_ERRORS.invalidSignature]]);
});

Deno.test("putItem of an old version stores nothing and tells the newer one", () => {
  const { dht, nodes: [a, b] } = swarm(30);
  dht.put(a!, { type: "putItem", id: 1, item: mutable(7n) });
  dht.finish(a!, 1);
  dht.put(b!, { type: "putItem", id: 1, item: mutable(6n) });
  const told = dht.finish(b!, 1);
  assertEquals(pick(told, "item").map(({ item }) => item), [mutable(7n)]);
  assertEquals(pick(told, "stored").map(({ nodes }) => nodes), [0]);
});

Deno.test("putItem of an old version is stopped by a newer one that only our own node holds", () => {
  const dht = new VirtualDht(), [a, b] = [0, 1].map((i) => dht.add(globalAddress(i)));
  dht.put(a!, { type: "addNode", address: b!.address });
  dht.run(1000);
  give(dht, a!, mutable(7n));
  dht.put(a!, { type: "putItem", id: 1, item: mutable(6n) });
  const told = dht.finish(a!, 1);
  assertEquals(pick(told, "item").map(({ item }) => item), [mutable(7n)]);
  assertEquals([pick(told, "stored")[0]!.nodes, b!.node.stats().items], [0, 0]);
  dht.put(a!, { type: "putItem", id: 2, item: mutable(8n) });
  assertEquals(pick(dht.finish(a!, 2), "stored")[0]!.nodes, 1);
});

Deno.test("putItem with cas is refused where another version is stored, and taken where it fits", () => {
  const { dht, nodes: [a] } = swarm(20);
  dht.put(a!, { type: "putItem", id: 1, item: mutable(1n), cas: 9n });
  assertEquals(pick(dht.finish(a!, 1), "stored")[0]!.nodes, 8, "nothing is stored yet: cas is not sent");
  dht.put(a!, { type: "putItem", id: 2, item: mutable(2n), cas: 9n });
  const [refused] = pick(dht.finish(a!, 2), "stored");
  assertEquals([refused!.nodes, [...new Set(refused!.refusals)]], [0, [KRPC_ERRORS.casMismatch]]);
  dht.put(a!, { type: "putItem", id: 3, item: mutable(2n), cas: 1n });
  assertEquals(pick(dht.finish(a!, 3), "stored")[0]!.nodes, 8);
});

/** Stores an item on one node, as a client would that asks nobody else. */
function give(dht: VirtualDht, { address, node }: VirtualNode, item: DhtItem): void {
  const client = globalAddress(999), envelope = { type: "query", transaction: HASH, readOnly: true } as const;
  const ask = (query: SendableQuery) => {
    const bytes = encodeKrpc({ ...envelope, query });
    return node.handle({ type: "datagram", from: client, bytes }, dht.now);
  };
  const [answer] = pick(ask({ type: "get", id: HASH, target: itemTarget(item) }), "send");
  const reply = decodeKrpc(answer!.bytes);
  assert(reply.type === "reply", `${formatPeerAddress(address)} refuses`);
  const put = { type: "put", id: HASH, token: reply.reply.token!, value: item.value } as const;
  const effects = ask({ ...put, mutable: item.type === "mutable" ? item : undefined });
  for (const { verification } of pick(effects, "verify")) {
    node.handle({ type: "verified", verification, valid: true }, dht.now);
  }
}

Deno.test("putItem to republish is skipped when enough nodes hold the item (BEP 44)", () => {
  const { dht, nodes } = swarm(60);
  const republish = (node: VirtualNode, item: DhtItem, id: number) => {
    dht.put(node, { type: "putItem", id, item, republish: true });
    const told = dht.finish(node, id);
    return { ...pick(told, "stored")[0]!, replies: pick(told, "done")[0]!.report.replies };
  };
  for (const [i, item] of [mutable(1n), createImmutableItem("x")].entries()) {
    const first = republish(nodes[1]!, item, i);
    assertEquals([first.nodes, first.refusals, first.skipped], [8, [], false]);
    for (const node of nodes) give(dht, node, item);
    // Whoever happens to ask eight nodes only cannot know of more than eight copies, and stores on these eight.
    const outcomes = nodes.map((node) => republish(node, item, 10 + i));
    for (const { skipped, nodes, replies } of outcomes) {
      assert(
        skipped ? nodes === 0 && replies > 8 : nodes === 8 && replies === 16,
        `${skipped} ${nodes} ${replies}`,
      );
    }
    const count = outcomes.filter(({ skipped }) => skipped).length;
    assert(count >= 5, `${count} skipped`);
  }
});

Deno.test("sample asks one node for info hashes and further nodes (BEP 51)", () => {
  const { dht, nodes: [a, b, c] } = swarm(20);
  dht.put(a!, { type: "announce", id: 1, infoHash: HASH, port: 1 });
  dht.finish(a!, 1);
  const holder = [b!, c!, ...dht.nodes.values()].find(({ node }) =>
    node !== a!.node && node.stats().infoHashes > 0
  )!;
  dht.put(a!, { type: "sample", id: 2, address: holder.address, target: HASH });
  const [samples, done] = dht.finish(a!, 2);
  assert(samples?.type === "samples");
  assertEquals([samples.infoHashes, samples.total], [[HASH], 1]);
  assertEquals(samples.nodes.length, 8);
  assertEquals(done?.type, "done");
});

Deno.test("a node of both families finds nodes and peers in both (BEP 32)", () => {
  const dht = new VirtualDht();
  const { address, address6: router6 } = dht.add({ host: "192.0.2.1", port: 1 }, {}, {
    host: "2001:db8::1",
    port: 1,
  });
  const nodes = Array.from({ length: 30 }, (_, i) => {
    // The later ones know of nobody in IPv6: the IPv4 nodes tell them, because they are asked for both.
    const routers = i < 10 ? [address, router6!] : [address];
    const node = dht.add(globalAddress(i), { routers }, globalAddress6(i));
    dht.run(200);
    return node;
  });
  dht.run(60_000);
  const { address6 } = nodes[7]!;
  assert(
    nodes.every(({ node }) =>
      new Set(node.nodes(dht.now).map(({ address }) => address.host.includes(":"))).size === 2
    ),
  );
  dht.put(nodes[7]!, { type: "announce", id: 1, infoHash: HASH, port: 4000 });
  assertEquals(pick(dht.finish(nodes[7]!, 1), "stored")[0]!.nodes, 16);
  dht.put(nodes[8]!, { type: "getPeers", id: 1, infoHash: HASH });
  const hosts = pick(dht.finish(nodes[8]!, 1), "peers").flatMap(({ peers }) => peers.map(({ host }) => host));
  assertEquals(hosts.sort(), [nodes[7]!.address.host, address6!.host].sort());
});

Deno.test("with enforcement, nodes whose ids do not belong to their addresses get nothing to store (BEP 42)", () => {
  const dht = new VirtualDht();
  // Too few to learn their addresses from each other: their ids stay random.
  const nodes = Array.from({ length: 3 }, (_, i) => {
    const node = dht.add(globalAddress(i), { routers: i === 0 ? [] : [globalAddress(0)] });
    dht.run(200);
    return node;
  });
  dht.run(1_000);
  const strict = dht.add(globalAddress(50), {
    nodes: nodes.map(({ address }) => address),
    enforceNodeIds: true,
  });
  dht.run(5_000);
  dht.put(strict, { type: "announce", id: 1, infoHash: HASH, port: 1 });
  const [stored] = pick(dht.finish(strict, 1), "stored");
  assertEquals(stored!.nodes, 0);
});

Deno.test("stats() counts what was asked, answered and heard", () => {
  const { dht, nodes: [a, b] } = swarm(2), before = [a!.node.stats(), b!.node.stats()];
  dht.put(a!, { type: "ping", id: 1, address: b!.address });
  dht.finish(a!, 1);
  const [asker, answerer] = [a!.node.stats(), b!.node.stats()];
  assertEquals(asker.queriesSent - before[0]!.queriesSent, 1);
  assertEquals(asker.repliesHeard - before[0]!.repliesHeard, 1);
  assertEquals(answerer.queriesAnswered - before[1]!.queriesAnswered, 1);
});
