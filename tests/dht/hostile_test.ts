import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { concat } from "@std/bytes/concat";
import { encode } from "../../src/bencode/encode.ts";
import { randomBytes } from "../../src/bytes/random.ts";
import { sha1Sync } from "../../src/bytes/sha1_sync.ts";
import { createImmutableItem, itemTarget } from "../../src/dht/item.ts";
import { decodeKrpc, encodeKrpc, type KrpcQuery } from "../../src/dht/messages/krpc.ts";
import { encodeCompactNode } from "../../src/dht/messages/node_info.ts";
import type { SendableQuery } from "../../src/dht/messages/query.ts";
import type { DhtReply } from "../../src/dht/messages/reply.ts";
import { DhtNode, type DhtNodeOptions } from "../../src/dht/node.ts";
import { MAX_ITEMS_PER_NETWORK } from "../../src/dht/item_store.ts";
import { randomIdNear } from "../../src/dht/node_id.ts";
import { MAX_INFO_HASHES, MAX_INFO_HASHES_PER_NETWORK } from "../../src/dht/peer_store.ts";
import { DHT_ENTRY_BYTES, DHT_LIMITS } from "../../src/dht/stats.ts";
import type { DhtEffect } from "../../src/dht/vocabulary.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import { globalAddress, globalAddress6, seeded, VirtualDht, type VirtualNode } from "./virtual_dht.ts";

const ID = new Uint8Array(20).fill(0xaa), HASH = new Uint8Array(20).fill(0xbb), T = Uint8Array.of(1, 2);

function make(options: Partial<DhtNodeOptions> = {}): DhtNode {
  return new DhtNode({ random: seeded(1), ...options }, 0);
}

function packet(query: SendableQuery): Uint8Array {
  return encodeKrpc({ type: "query", transaction: T, readOnly: false, query });
}

function sends(effects: readonly DhtEffect[]): Extract<DhtEffect, { type: "send" }>[] {
  return effects.filter((effect) => effect.type === "send");
}

/** The queries among the effects. */
function queries(effects: readonly DhtEffect[]): { readonly to: PeerAddress; readonly message: KrpcQuery }[] {
  return sends(effects).flatMap(({ to, bytes }) => {
    const message = decodeKrpc(bytes);
    return message.type === "query" ? [{ to, message }] : [];
  });
}

function reply(
  node: DhtNode,
  from: PeerAddress,
  query: KrpcQuery,
  reply: DhtReply,
  now = 0,
): readonly DhtEffect[] {
  const bytes = encodeKrpc({ type: "reply", transaction: query.transaction, reply });
  return node.handle({ type: "datagram", from, bytes }, now);
}

function assertBounded(node: DhtNode): void {
  const stats = node.stats();
  for (const [name, limit] of Object.entries(DHT_LIMITS)) {
    assert(
      stats[name as keyof typeof DHT_LIMITS] <= limit,
      `${name}: ${stats[name as keyof typeof DHT_LIMITS]}`,
    );
  }
  assert(stats.nodes <= 8 * stats.buckets && stats.buckets <= 160 && stats.verifications <= 64);
}

Deno.test("a node drops random datagrams without a word", () => {
  const node = make();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1500 }), fc.nat(10_000), (bytes, i) => {
    assertEquals(node.handle({ type: "datagram", from: globalAddress(i), bytes }, i), []);
  }));
});

Deno.test("a node survives damaged packets of every kind, and its state stays within limits", () => {
  const node = make({ routers: [globalAddress(1)] }), random = seeded(3);
  const token = new Uint8Array(8),
    publicKey = new Uint8Array(32),
    signature = new Uint8Array(64),
    value = encode("x");
  const all: SendableQuery[] = [
    { type: "ping", id: ID },
    { type: "findNode", id: ID, target: HASH, want: [4, 6] },
    { type: "getPeers", id: ID, infoHash: HASH, scrape: true },
    { type: "announcePeer", id: ID, infoHash: HASH, port: 1, token },
    { type: "get", id: ID, target: HASH, seq: 1n },
    { type: "put", id: ID, token, value, mutable: { publicKey, signature, seq: 1n, cas: 2n } },
    { type: "sampleInfohashes", id: ID, target: HASH },
  ];
  const packets = all.map(packet);
  packets.push(
    encodeKrpc({ type: "reply", transaction: T, reply: { id: ID, nodes: new Uint8Array(52), token } }),
  );
  packets.push(encodeKrpc({ type: "error", transaction: T, code: 201, message: "no" }));
  for (let i = 0; i < 20_000; i++) {
    const bytes = packets[i % packets.length]!.slice();
    for (let changes = random() * 4; changes > 0; changes--) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    node.handle({ type: "datagram", from: globalAddress(i % 3000), bytes }, i);
    if (i % 100 === 0) node.handle({ type: "tick" }, i);
  }
  assertBounded(node);
});

Deno.test("a forged reply, from elsewhere or with another transaction, changes nothing", () => {
  const node = make({ nodes: [globalAddress(1)] });
  node.handle({ type: "tick" }, 0);
  const ping = { type: "ping", id: 1, address: globalAddress(2) } as const;
  const [asked] = queries(node.handle(ping, 0));
  const forged = asked!.message.transaction.slice();
  forged[0]! ^= 1;
  assertEquals(reply(node, globalAddress(3), asked!.message, { id: ID }), []);
  assertEquals(reply(node, { ...asked!.to, port: 1 }, asked!.message, { id: ID }), []);
  assertEquals(reply(node, asked!.to, { ...asked!.message, transaction: forged }, { id: ID }), []);
  assertEquals(node.nodes(0), []);
  assertEquals(reply(node, asked!.to, asked!.message, { id: ID }).map(({ type }) => type), ["pong", "done"]);
  assertEquals(reply(node, asked!.to, asked!.message, { id: ID }), [], "and a right one counts once");
});

Deno.test("token guesses store nothing", () => {
  const node = make({ limits: { queriesPerSecond: 1e9, burst: 1e9, replyBytesPerSecond: 1e12 } }),
    random = seeded(5);
  for (let i = 0; i < 5_000; i++) {
    const announce = {
      type: "announcePeer",
      id: ID,
      infoHash: HASH,
      port: 1,
      token: randomBytes(random, 8),
    } as const;
    node.handle({ type: "datagram", from: globalAddress(1), bytes: packet(announce) }, i);
  }
  assertEquals(node.stats().peers, 0);
});

Deno.test("a flood from one source is answered fifty times, then not for five minutes", () => {
  const node = make(), bytes = packet({ type: "findNode", id: ID, target: HASH });
  let answers = 0;
  for (let i = 0; i < 10_000; i++) {
    for (const { to } of sends(node.handle({ type: "datagram", from: globalAddress(1), bytes }, i))) {
      if (to.host === globalAddress(1).host) answers++;
    }
  }
  assert(answers <= 110, `${answers} answers in ten seconds`);
});

Deno.test("a flood from everywhere makes a node send no more than its limit, and remember no more", () => {
  const node = make(), bytes = packet({ type: "getPeers", id: ID, infoHash: HASH });
  let sent = 0;
  for (let i = 0; i < 60_000; i++) {
    for (
      const effect of sends(node.handle({ type: "datagram", from: globalAddress(i % 20_000), bytes }, i))
    ) {
      sent += effect.bytes.length;
    }
    if (i % 1000 === 0) {
      for (const effect of sends(node.handle({ type: "tick" }, i))) sent += effect.bytes.length;
    }
  }
  assert(sent <= 100_000 * 71, `${sent} bytes in a minute`);
  assertBounded(node);
});

Deno.test("queries with forged senders make a node ping few strangers", () => {
  const node = make(), random = seeded(8);
  let pings = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = packet({ type: "ping", id: randomBytes(random, 20) });
    node.handle({ type: "datagram", from: globalAddress(i), bytes }, i);
    if (i % 100 === 0) pings += queries(node.handle({ type: "tick" }, i)).length;
  }
  assert(pings <= 40, `${pings} pings in ten seconds`);
});

/** Takes tokens and announces for them, from a new source each time. */
function announceAll(node: DhtNode, count: number, infoHashOf: (i: number) => Uint8Array): void {
  for (let i = 0; i < count; i++) {
    const from = globalAddress(i % 20_000), infoHash = infoHashOf(i);
    const [answer] = sends(node.handle({
      type: "datagram",
      from,
      bytes: packet({ type: "getPeers", id: ID, infoHash }),
    }, 0));
    const message = decodeKrpc(answer!.bytes);
    const token = message.type === "reply" ? message.reply.token : undefined;
    if (token === undefined) continue;
    const announce = packet({ type: "announcePeer", id: ID, infoHash, port: 1 + i % 60_000, token });
    node.handle({ type: "datagram", from, bytes: announce }, 0);
  }
}

Deno.test("honest-looking announces of everything fill the stores up to their limits", () => {
  const limits = { queriesPerSecond: 1e9, burst: 1e9, replyBytesPerSecond: 1e12 };
  const random = seeded(6), wide = make({ limits }), deep = make({ limits });
  announceAll(wide, 6_000, () => randomBytes(random, 20));
  assertBounded(wide);
  announceAll(deep, 4_000, () => HASH);
  assertEquals(deep.stats().peers, 2_000);
  assert(wide.stats().bytes < 64 * 2 ** 20);
});

/** Takes a token and announces; answers whether there was a token. */
function announce(node: DhtNode, from: PeerAddress, infoHash: Uint8Array): boolean {
  const asked = packet({ type: "getPeers", id: ID, infoHash });
  const [answer] = sends(node.handle({ type: "datagram", from, bytes: asked }, 0));
  const message = decodeKrpc(answer!.bytes),
    token = message.type === "reply" ? message.reply.token : undefined;
  if (token === undefined) return false;
  const bytes = packet({ type: "announcePeer", id: ID, infoHash, port: from.port, token });
  node.handle({ type: "datagram", from, bytes }, 0);
  return true;
}

Deno.test("one network that announces thousands of info hashes, as near to us as it likes, leaves room for others", () => {
  const limits = { queriesPerSecond: 1e9, burst: 1e9, replyBytesPerSecond: 1e12 };
  for (
    const [family, hostOf, honestAt] of [
      [4, (i: number) => `66.66.66.${1 + i % 254}`, globalAddress],
      [6, (i: number) => `2a00:66:66:${(i % 65_536).toString(16)}::1`, globalAddress6],
    ] as const
  ) {
    const node = make({ limits, families: [family] }), random = seeded(12), own = node.nodeId(family)!;
    const honest = Array.from({ length: 2 * MAX_INFO_HASHES_PER_NETWORK }, (_, i) => ({
      from: honestAt(i),
      infoHash: randomIdNear(random, own, 8),
    }));
    for (const { from, infoHash } of honest.slice(0, 100)) assert(announce(node, from, infoHash));
    let tokens = 0;
    for (let i = 0; i < 3 * MAX_INFO_HASHES; i++) {
      const from = { host: hostOf(i), port: 1000 + i };
      if (announce(node, from, randomIdNear(random, own, 60))) tokens++;
    }
    assertEquals(tokens, MAX_INFO_HASHES_PER_NETWORK, "whoever has their share gets no token");
    for (const { from, infoHash } of honest) assert(announce(node, from, infoHash));
    for (const { from, infoHash } of honest) {
      const bytes = packet({ type: "getPeers", id: ID, infoHash });
      const message = decodeKrpc(sends(node.handle({ type: "datagram", from, bytes }, 0))[0]!.bytes);
      assert(message.type === "reply" && message.reply.values?.length === 1);
    }
    assert(
      announce(node, { host: hostOf(1), port: 1 }, honest[0]!.infoHash),
      "of others' torrents they may be peers",
    );
    assertEquals(node.stats().infoHashes, 3 * MAX_INFO_HASHES_PER_NETWORK);
    assertBounded(node);
  }
});

Deno.test("two networks that join all torrents there are do not keep others out", () => {
  const limits = { queriesPerSecond: 1e9, burst: 1e9, replyBytesPerSecond: 1e12 };
  const node = make({ limits }), random = seeded(13), own = node.nodeId()!;
  const honest = Array.from({ length: 3700 }, (_, i) => ({
    from: globalAddress(i),
    infoHash: randomIdNear(random, own, 8),
  }));
  for (const { from, infoHash } of honest) announce(node, from, infoHash);
  for (const { infoHash } of honest) {
    for (let i = 0; i < 16; i++) announce(node, { host: `66.66.${i % 2}.${1 + i}`, port: 1 }, infoHash);
  }
  const infoHash = randomIdNear(random, own, 8);
  assert(announce(node, globalAddress(9999), infoHash));
  const bytes = packet({ type: "getPeers", id: ID, infoHash });
  const message = decodeKrpc(
    sends(node.handle({ type: "datagram", from: globalAddress(1), bytes }, 0))[0]!.bytes,
  );
  assert(message.type === "reply" && message.reply.values?.length === 1);
  assertBounded(node);
});

Deno.test("one network that stores many items leaves room for others", () => {
  const limits = { queriesPerSecond: 1e9, burst: 1e9, replyBytesPerSecond: 1e12 }, node = make({ limits });
  const put = (from: PeerAddress, text: string): number | undefined => {
    const item = createImmutableItem(text), target = itemTarget(item);
    const get = packet({ type: "get", id: ID, target });
    const message = decodeKrpc(sends(node.handle({ type: "datagram", from, bytes: get }, 0))[0]!.bytes);
    assert(message.type === "reply");
    const bytes = packet({ type: "put", id: ID, token: message.reply.token!, value: item.value });
    const answer = decodeKrpc(sends(node.handle({ type: "datagram", from, bytes }, 0))[0]!.bytes);
    return answer.type === "error" ? answer.code : undefined;
  };
  let stored = 0;
  for (let i = 0; i < 2000; i++) {
    if (put({ host: `66.66.66.${1 + i % 254}`, port: 1 }, `junk ${i}`) === undefined) stored++;
  }
  assertEquals(stored, MAX_ITEMS_PER_NETWORK);
  assertEquals(put({ host: "66.66.66.1", port: 1 }, "more"), 202);
  assertEquals(put({ host: "66.66.66.1", port: 1 }, "junk 0"), undefined, "what is here may be renewed");
  for (let i = 0; i < 100; i++) assertEquals(put(globalAddress(i), `value ${i}`), undefined);
  assertEquals(node.stats().items, MAX_ITEMS_PER_NETWORK + 100);
});

Deno.test("signatures are checked for no more than 64 strangers at a time", () => {
  const node = make(), publicKey = new Uint8Array(32), signature = new Uint8Array(64), value = encode("x");
  let verifying = 0;
  for (let i = 0; i < 200; i++) {
    const from = globalAddress(i), salt = Uint8Array.of(i);
    const get = packet({ type: "get", id: ID, target: itemTarget({ type: "mutable", publicKey, salt }) });
    const message = decodeKrpc(sends(node.handle({ type: "datagram", from, bytes: get }, 0))[0]!.bytes);
    assert(message.type === "reply");
    const mutable = { publicKey, signature, seq: 1n, salt };
    const put = packet({ type: "put", id: ID, token: message.reply.token!, value, mutable });
    verifying += node.handle({ type: "datagram", from, bytes: put }, 0).filter(({ type }) =>
      type === "verify"
    ).length;
  }
  assertEquals(verifying, 64);
  assertBounded(node);
});

Deno.test("a lookup among liars who name ever more nodes comes to an end", () => {
  const node = make({ nodes: [globalAddress(0)] }), random = seeded(7);
  const open = queries(node.handle({ type: "findNode", id: 1, target: HASH }, 0));
  let asked = 0, isDone = false, closeness = 8;
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (next.message.query.type !== "findNode") continue;
    asked++;
    // Each claims to know eight others, nearer to the target than anybody before.
    const nodes = new Uint8Array(8 * 26);
    for (let i = 0; i < 8; i++) {
      const id = randomIdNear(random, HASH, Math.min(150, closeness++ >> 3));
      nodes.set(encodeCompactNode({ id, address: globalAddress(Math.floor(random() * 20_000)) }), i * 26);
    }
    const effects = reply(node, next.to, next.message, {
      id: randomIdNear(random, HASH, closeness >> 3),
      nodes,
    });
    open.push(...queries(effects));
    isDone ||= effects.some(({ type }) => type === "done");
  }
  assert(isDone && asked <= 128, `${asked} asked`);
  assertBounded(node);
});

Deno.test("a liar cannot keep a lookup from honest nodes by naming their networks and addresses first", () => {
  const random = seeded(14), liar = globalAddress(0), node = make({ nodes: [liar, globalAddress(1)] });
  const honest = Array.from({ length: 8 }, (_, i) => ({
    id: randomIdNear(random, HASH, 40 + i),
    address: { host: `20.0.${i}.1`, port: 6881 },
  }));
  // Half of them it names where nobody is, half with ids far from the target.
  const lies = honest.map(({ address: { host } }, i) => ({
    id: randomIdNear(random, HASH, i < 4 ? 100 : 1),
    address: { host: i < 4 ? host.replace(/1$/, "66") : host, port: 6881 },
  }));
  const asked: string[] = [], open: { at: number; to: PeerAddress; message: KrpcQuery }[] = [];
  const take = (effects: readonly DhtEffect[], at: number) => {
    for (const query of queries(effects)) {
      if (query.message.query.type === "findNode") open.push({ at, ...query });
    }
    return effects.some(({ type }) => type === "done");
  };
  let isDone = take(node.handle({ type: "findNode", id: 1, target: HASH }, 0), 0);
  for (let now = 0; now < 60_000 && !isDone; now += 50) {
    isDone = take(node.handle({ type: "tick" }, now), now);
    for (const { to, message } of open.splice(0)) {
      asked.push(to.host);
      const index = honest.findIndex(({ address }) => address.host === to.host);
      const answer = to.host === liar.host
        ? { id: randomIdNear(random, HASH, 50), nodes: concat(lies.map(encodeCompactNode)) }
        : to.host === globalAddress(1).host
        ? { id: randomIdNear(random, HASH, 10), nodes: concat(honest.map(encodeCompactNode)) }
        : index >= 0
        ? { id: honest[index]!.id, nodes: concat(honest.map(encodeCompactNode)) }
        : undefined;
      if (answer !== undefined) isDone = take(reply(node, to, message, answer, now), now) || isDone;
    }
  }
  assert(isDone);
  for (const { address } of honest) assert(asked.includes(address.host), `${address.host} was not asked`);
});

Deno.test("nodes of one /24 with ids near ours do not take over the table", () => {
  const node = make(), random = seeded(9), ids = new Map<string, Uint8Array>();
  /** Everybody answers what the node asks, and whatever it asks next. */
  const serve = (effects: readonly DhtEffect[], now: number): void => {
    for (const { to, message } of queries(effects)) {
      serve(reply(node, to, message, { id: ids.get(to.host)! }, now), now);
    }
  };
  const meet = (from: PeerAddress, id: Uint8Array, now: number) => {
    ids.set(from.host, id);
    node.handle({ type: "datagram", from, bytes: packet({ type: "ping", id }) }, now);
    serve(node.handle({ type: "tick" }, now + 500), now + 500);
  };
  for (let i = 0; i < 250; i++) {
    const now = i * 1000;
    serve(node.handle({ type: "tick" }, now), now);
    meet(globalAddress(i), randomBytes(random, 20), now);
    meet({ host: `66.66.66.${i}`, port: 6881 }, randomIdNear(random, node.nodeId()!, 10 + i % 80), now);
  }
  const known = node.nodes(250_000).map(({ address }) => address.host);
  const theirs = known.filter((host) => host.startsWith("66.66.66."));
  assert(theirs.length <= 3, `${theirs.length} of theirs`);
  assert(known.length > 20, `${known.length} known`);
});

Deno.test("a reply from ourselves, by a loop in the network, is not taken for a node", () => {
  const node = make(), [asked] = queries(node.handle({ type: "ping", id: 1, address: globalAddress(1) }, 0));
  const effects = reply(node, asked!.to, asked!.message, { id: node.nodeId()! });
  assertEquals(effects, [{ type: "failed", id: 1, reason: "refused" }]);
  assertEquals(node.nodes(0), []);
});

Deno.test("the word of one network about our address is not believed", () => {
  const node = make(), before = node.nodeId();
  for (let i = 1; i < 200; i++) {
    const from = { host: `66.66.66.${i}`, port: 1 },
      [asked] = queries(node.handle({ type: "ping", id: i, address: from }, 0));
    const bytes = encodeKrpc({
      type: "reply",
      transaction: asked!.message.transaction,
      requester: Uint8Array.of(9, 9, 9, 9, 0, 1),
      reply: { id: randomBytes(seeded(i), 20) },
    });
    node.handle({ type: "datagram", from, bytes }, 0);
  }
  assertEquals(node.nodeId(), before);
});

Deno.test("ARCHITECTURE.md says how much a node remembers", async () => {
  const text = await Deno.readTextFile(new URL("../../ARCHITECTURE.md", import.meta.url));
  let total = 0;
  for (const [name, limit] of Object.entries(DHT_LIMITS)) {
    const bytes = DHT_ENTRY_BYTES[name as keyof typeof DHT_LIMITS];
    assertStringIncludes(text, `| \`${name}\` | ${limit} | ${bytes} |`);
    total += limit * bytes;
  }
  assertStringIncludes(text, `That is ${Math.round(total / 2 ** 20)} MiB if one family is full`);
});

/** Honest nodes, one of which is under attack; it holds a torrent and a value of theirs. */
function besieged(): { dht: VirtualDht; victim: VirtualNode; honest: VirtualNode[] } {
  const dht = new VirtualDht({ seed: 11 }), entry = [globalAddress(0)];
  const honest = Array.from({ length: 40 }, (_, i) => dht.add(globalAddress(i), { nodes: entry }));
  const victim = dht.add(globalAddress(500), { nodes: entry });
  dht.run(3 * 60_000);
  dht.put(honest[7]!, { type: "announce", id: 1, infoHash: HASH, port: 4000 });
  dht.put(honest[8]!, { type: "putItem", id: 1, item: createImmutableItem("still here") });
  dht.finish(honest[8]!, 1);
  return { dht, victim, honest };
}

/** Nodes of one /24 that follow the rules, with ids ever nearer to the victim's. */
function poison(dht: VirtualDht, victim: VirtualNode): void {
  const own = victim.node.nodeId()!;
  for (let i = 1; i < 100; i++) {
    const nodeId = randomIdNear(dht.random, own, 10 + i % 80);
    dht.add({ host: `66.66.66.${i}`, port: 6881 }, { nodeId, nodes: [victim.address] });
  }
}

/** What goes on ten times a second: noise, forged replies, guessed tokens, floods from one place and from everywhere. */
function harass(dht: VirtualDht, { address: to, node }: VirtualNode, round: number): void {
  const { random } = dht, anyone = () => globalAddress(1000 + Math.floor(random() * 18_000));
  const send = (from: PeerAddress, bytes: Uint8Array) => dht.deliver(from, to, bytes);
  const id = randomBytes(random, 20), infoHash = randomBytes(random, 20), token = randomBytes(random, 8);
  const lies = encodeCompactNode({ id: randomIdNear(random, HASH, 100), address: anyone() });
  for (let i = 0; i < 10; i++) {
    send(anyone(), randomBytes(random, Math.floor(random() * 300)));
    const reply = { id, nodes: lies, token, values: [new Uint8Array(6).fill(i)] };
    const transaction = randomBytes(random, 2 + i % 3);
    send(globalAddress(i), encodeKrpc({ type: "reply", transaction, reply }));
    send(anyone(), packet({ type: "announcePeer", id, infoHash: HASH, port: 1, token }));
    send(anyone(), packet({ type: "put", id, token, value: encode(round) }));
    for (let again = 0; again < 5; again++) send({ host: "77.7.7.7", port: 1 }, packet({ type: "ping", id }));
    send(anyone(), packet({ type: "getPeers", id, infoHash }));
  }
  // Whoever asks properly is given a token, and may store.
  const from = anyone(), value = encode(randomBytes(random, 990)), target = sha1Sync(value);
  const ask = (query: SendableQuery) =>
    node.handle({ type: "datagram", from, bytes: packet(query) }, dht.now);
  const tokenFor = (query: SendableQuery) => {
    const [answer] = sends(ask(query)).filter((effect) => effect.to === from);
    const message = answer && decodeKrpc(answer.bytes);
    return message?.type === "reply" && message.reply.token || token;
  };
  const announceToken = tokenFor({ type: "getPeers", id, infoHash });
  ask({ type: "announcePeer", id, infoHash, port: 1 + round, token: announceToken });
  ask({ type: "put", id, value, token: tokenFor({ type: "get", id, target }) });
}

Deno.test("under siege from all sides a node stays small, and lookups still succeed", () => {
  const { dht, victim, honest } = besieged(), target = itemTarget(createImmutableItem("still here"));
  poison(dht, victim);
  for (let round = 0; round < 600; round++) {
    harass(dht, victim, round);
    dht.run(100);
    assertBounded(victim.node);
    if (round % 100 !== 99) continue;
    for (const asker of [victim, honest[round % 40]!]) {
      dht.put(asker, { type: "getPeers", id: round, infoHash: HASH });
      dht.put(asker, { type: "getItem", id: round + 1, name: { type: "immutable", target } });
      dht.put(asker, { type: "findNode", id: round + 2, target: honest[3]!.node.nodeId()! });
      const peers = dht.finish(asker, round).flatMap((told) => told.type === "peers" ? told.peers : []);
      assert(peers.some(({ host, port }) => host === honest[7]!.address.host && port === 4000), "the peer");
      assert(dht.finish(asker, round + 1).some(({ type }) => type === "item"), "the value");
      const nodes = dht.finish(asker, round + 2).flatMap((told) => told.type === "nodes" ? told.nodes : []);
      assertEquals(nodes[0]?.address, honest[3]!.address);
    }
  }
  const { bytes, nodes, infoHashes, peers, items, sources, transactions } = victim.node.stats();
  console.log("after a minute:", { bytes, nodes, infoHashes, peers, items, sources, transactions });
  assert(bytes < 13 * 2 ** 20 && peers > 500 && items > 500, `${bytes} bytes`);
  assert(nodes >= 20, "most of the honest nodes are still known");
  const theirs = victim.node.nodes(dht.now).filter(({ address }) => address.host.startsWith("66.66.66."));
  assert(theirs.length <= 3, `${theirs.length} of one /24`);
});
