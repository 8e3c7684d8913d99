import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { encode } from "../../src/bencode/encode.ts";
import { sha1Sync } from "../../src/bytes/sha1_sync.ts";
import { decodeByteString, encodeUtf8 } from "../../src/bytes/text.ts";
import { BloomFilter } from "../../src/dht/bloom_filter.ts";
import { itemTarget, type MutableItem, signedBytes } from "../../src/dht/item.ts";
import { decodeKrpc, encodeKrpc, KRPC_ERRORS, type KrpcMessage } from "../../src/dht/messages/krpc.ts";
import { decodeCompactNodes } from "../../src/dht/messages/node_info.ts";
import type { SendableQuery } from "../../src/dht/messages/query.ts";
import type { DhtReply } from "../../src/dht/messages/reply.ts";
import { DhtNode, type DhtNodeOptions } from "../../src/dht/node.ts";
import type { DhtEffect } from "../../src/dht/vocabulary.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import { decodeCompactPeer } from "../../src/peer/compact_peer.ts";
import { globalAddress, seeded } from "./virtual_dht.ts";

const ID = new Uint8Array(20).fill(0xaa), HASH = new Uint8Array(20).fill(0xbb), T = encodeUtf8("tt");
const ASKER = globalAddress(1), ASKER6: PeerAddress = { host: "2001:db8::1", port: 6881 };

function make(options: Partial<DhtNodeOptions> = {}): DhtNode {
  return new DhtNode({ random: seeded(1), ...options }, 0);
}

function packet(query: SendableQuery, readOnly = false): Uint8Array {
  return encodeKrpc({ type: "query", transaction: T, readOnly, query });
}

/** What the node sends to the asker in answer. */
function answerTo(node: DhtNode, bytes: Uint8Array, from = ASKER, now = 0): KrpcMessage | undefined {
  return firstAnswer(node.handle({ type: "datagram", from, bytes }, now));
}

function firstAnswer(effects: readonly DhtEffect[]): KrpcMessage | undefined {
  const answers = effects.flatMap((effect) => effect.type === "send" ? [decodeKrpc(effect.bytes)] : []);
  return answers.find(({ type }) => type !== "query");
}

function ask(node: DhtNode, query: SendableQuery, from = ASKER, now = 0): DhtReply {
  const answer = answerTo(node, packet(query), from, now);
  assert(answer?.type === "reply", `no reply but ${answer?.type === "error" ? answer.message : "silence"}`);
  assertEquals(answer.transaction, T);
  return answer.reply;
}

function refusal(node: DhtNode, query: SendableQuery, from = ASKER): number | undefined {
  const answer = answerTo(node, packet(query), from);
  return answer?.type === "error" ? answer.code : undefined;
}

/** Lets the node meet others: they ask, it pings a little later, they answer. */
function introduce(node: DhtNode, from: PeerAddress, id: Uint8Array, now = 0): void {
  node.handle({ type: "datagram", from, bytes: packet({ type: "ping", id }) }, now);
  for (const effect of node.handle({ type: "tick" }, now + 500)) {
    const message = effect.type === "send" ? decodeKrpc(effect.bytes) : undefined;
    if (effect.type !== "send" || message?.type !== "query" || effect.to.host !== from.host) continue;
    const bytes = encodeKrpc({ type: "reply", transaction: message.transaction, reply: { id } });
    node.handle({ type: "datagram", from, bytes }, now + 500);
  }
}

Deno.test("a node answers ping with its id, the version and the asker's address", () => {
  const node = make(), answer = answerTo(node, packet({ type: "ping", id: ID }));
  assert(answer?.type === "reply");
  assertEquals(answer.reply.id, node.nodeId());
  assertEquals(decodeCompactPeer(answer.requester!), ASKER);
  assertEquals(answer.version, Uint8Array.of(0x4e, 0x42, 0, 1));
});

Deno.test("a node answers find_node with the nodes that it has verified", () => {
  const node = make(),
    others = [2, 3, 4].map((i) => ({ id: new Uint8Array(20).fill(i), address: globalAddress(i) }));
  for (const { id, address } of others) introduce(node, address, id);
  const { nodes, nodes6 } = ask(node, { type: "findNode", id: ID, target: others[0]!.id });
  const byId = (a: { id: Uint8Array }, b: { id: Uint8Array }) => a.id[0]! - b.id[0]!;
  assertEquals(decodeCompactNodes(nodes!, 4).sort(byId), others);
  assertEquals(nodes6, undefined);
});

Deno.test("a node gives the families that are wanted, else that of the packet (BEP 32)", () => {
  const node = make({ families: [4, 6] });
  introduce(node, globalAddress(2), new Uint8Array(20).fill(2));
  introduce(node, { host: "2001:db9::1", port: 1 }, new Uint8Array(20).fill(3));
  const lengths = (from: PeerAddress, want?: (4 | 6)[]) => {
    const { nodes, nodes6 } = ask(node, { type: "findNode", id: ID, target: HASH, want }, from);
    return [nodes?.length, nodes6?.length];
  };
  assertEquals(lengths(ASKER), [26, undefined]);
  assertEquals(lengths(ASKER6), [undefined, 38]);
  assertEquals(lengths(ASKER, [4, 6]), [26, 38]);
  assertEquals(lengths(ASKER, [6]), [undefined, 38]);
  assertEquals(
    make().handle({ type: "datagram", from: ASKER6, bytes: packet({ type: "ping", id: ID }) }, 0),
    [],
  );
});

Deno.test("announce_peer stores what get_peers gives, in the family of the packet", () => {
  const node = make({ families: [4, 6] });
  for (const from of [ASKER, ASKER6]) {
    const { token, values } = ask(node, { type: "getPeers", id: ID, infoHash: HASH }, from);
    assertEquals(values, undefined);
    ask(node, { type: "announcePeer", id: ID, infoHash: HASH, port: 51413, token: token! }, from);
    const found = ask(node, { type: "getPeers", id: ID, infoHash: HASH }, from).values!.map(
      decodeCompactPeer,
    );
    assertEquals(found, [{ host: from.host, port: 51413 }]);
  }
});

Deno.test("announce_peer takes the source port if implied_port is set", () => {
  const node = make(), { token } = ask(node, { type: "getPeers", id: ID, infoHash: HASH });
  ask(node, { type: "announcePeer", id: ID, infoHash: HASH, port: 1, impliedPort: true, token: token! });
  const { values } = ask(node, { type: "getPeers", id: ID, infoHash: HASH });
  assertEquals(values!.map(decodeCompactPeer), [ASKER]);
});

Deno.test("announce_peer is refused without the token of this address and torrent", () => {
  const node = make(), { token } = ask(node, { type: "getPeers", id: ID, infoHash: HASH });
  const announce = { type: "announcePeer", id: ID, infoHash: HASH, port: 1, token: token! } as const;
  assertEquals(refusal(node, { ...announce, token: new Uint8Array(8) }), KRPC_ERRORS.protocol);
  assertEquals(refusal(node, { ...announce, infoHash: ID }), KRPC_ERRORS.protocol);
  assertEquals(refusal(node, announce, globalAddress(2)), KRPC_ERRORS.protocol);
  assertEquals(refusal(node, announce), undefined);
});

Deno.test("get_peers with scrape gives the two filters, and none for strange torrents (BEP 33)", () => {
  const node = make(), seeds = new BloomFilter(), downloaders = new BloomFilter();
  assertEquals(ask(node, { type: "getPeers", id: ID, infoHash: HASH, scrape: true }).seedFilter, undefined);
  for (let i = 0; i < 20; i++) {
    const from = globalAddress(i), seed = i % 2 === 0;
    const { token } = ask(node, { type: "getPeers", id: ID, infoHash: HASH }, from);
    ask(node, { type: "announcePeer", id: ID, infoHash: HASH, port: 1, seed, token: token! }, from);
    (seed ? seeds : downloaders).add(Uint8Array.from(from.host.split("."), Number));
  }
  const reply = ask(node, { type: "getPeers", id: ID, infoHash: HASH, scrape: true });
  assertEquals([reply.seedFilter, reply.downloaderFilter], [seeds.toBytes(), downloaders.toBytes()]);
});

Deno.test("get and put store an immutable item under its hash (BEP 44)", () => {
  const node = make(), value = encode("Hello World!"), target = sha1Sync(value);
  const { token, value: none } = ask(node, { type: "get", id: ID, target });
  assertEquals(none, undefined);
  assertEquals(refusal(node, { type: "put", id: ID, token: T, value }), KRPC_ERRORS.protocol);
  ask(node, { type: "put", id: ID, token: token!, value });
  assertEquals(ask(node, { type: "get", id: ID, target }).value, value);
});

function mutable(seq: bigint, salt?: Uint8Array): MutableItem {
  const publicKey = new Uint8Array(32).fill(1), signature = new Uint8Array(64).fill(2);
  return { type: "mutable", publicKey, signature, seq, salt, value: encode(`version ${seq}`) };
}

/** Puts an item and answers the verification; gives the node's answer. */
function put(
  node: DhtNode,
  item: MutableItem,
  options: { valid?: boolean; cas?: bigint } = {},
): KrpcMessage | undefined {
  const { token } = ask(node, { type: "get", id: ID, target: itemTarget(item) });
  const { publicKey, signature, seq, salt, value } = item, { valid = true, cas } = options;
  const query: SendableQuery = {
    type: "put",
    id: ID,
    token: token!,
    value,
    mutable: { publicKey, signature, seq, salt, cas },
  };
  const effects = node.handle({ type: "datagram", from: ASKER, bytes: packet(query) }, 0);
  const verify = effects.find((effect) => effect.type === "verify");
  if (verify === undefined) return firstAnswer(effects);
  assertEquals(firstAnswer(effects), undefined, "nothing is said before the signature is checked");
  assertEquals(verify.message, signedBytes(item));
  return firstAnswer(node.handle({ type: "verified", verification: verify.verification, valid }, 0));
}

Deno.test("put stores a mutable item once its signature is verified (BEP 44)", () => {
  const node = make(), item = mutable(3n, encodeUtf8("salt")), target = itemTarget(item);
  assertEquals(put(node, item)?.type, "reply");
  const reply = ask(node, { type: "get", id: ID, target });
  assertEquals([reply.value, reply.seq, reply.publicKey, reply.signature], [
    item.value,
    3n,
    item.publicKey,
    item.signature,
  ]);
});

Deno.test("put with a bad signature is refused and nothing stored", () => {
  const node = make(), item = mutable(1n), answer = put(node, item, { valid: false });
  assertEquals(answer?.type === "error" && answer.code, KRPC_ERRORS.invalidSignature);
  assertEquals(ask(node, { type: "get", id: ID, target: itemTarget(item) }).value, undefined);
});

Deno.test("put is refused by the rules of seq, cas and lengths, with the errors of BEP 44", () => {
  const node = make();
  put(node, mutable(5n));
  const code = (item: MutableItem, cas?: bigint) => {
    const answer = put(node, item, cas === undefined ? {} : { cas });
    return answer?.type === "error" ? answer.code : undefined;
  };
  assertEquals(code(mutable(4n)), KRPC_ERRORS.seqTooOld);
  assertEquals(code(mutable(6n), 4n), KRPC_ERRORS.casMismatch);
  assertEquals(code(mutable(6n), 5n), undefined);
  assertEquals(code(mutable(-1n, encodeUtf8("s"))), KRPC_ERRORS.protocol);
  assertEquals(code(mutable(1n, new Uint8Array(65))), KRPC_ERRORS.saltTooBig);
  assertEquals(code({ ...mutable(7n), value: encode("x".repeat(1000)) }), KRPC_ERRORS.valueTooBig);
});

Deno.test("put judges again after the verification: a newer version may have come first", () => {
  const node = make(),
    target = itemTarget(mutable(1n)),
    { token } = ask(node, { type: "get", id: ID, target });
  const verifications = [1n, 2n].map((seq) => {
    const { publicKey, signature, value } = mutable(seq);
    const bytes = packet({
      type: "put",
      id: ID,
      token: token!,
      value,
      mutable: { publicKey, signature, seq },
    });
    const effects = node.handle({ type: "datagram", from: ASKER, bytes }, 0);
    return effects.find((effect) => effect.type === "verify")!.verification;
  });
  const answers = verifications.reverse().map((verification) =>
    firstAnswer(node.handle({ type: "verified", verification, valid: true }, 0))
  );
  assertEquals(answers.map((answer) => answer?.type === "error" ? answer.code : answer?.type), [
    "reply",
    KRPC_ERRORS.seqTooOld,
  ]);
});

Deno.test("get holds back a value that is not newer than asked for", () => {
  const node = make(), item = mutable(5n), target = itemTarget(item);
  put(node, item);
  const held = ask(node, { type: "get", id: ID, target, seq: 5n });
  assertEquals([held.seq, held.value, held.publicKey, held.signature], [5n, undefined, undefined, undefined]);
  assertEquals(ask(node, { type: "get", id: ID, target, seq: 4n }).value, item.value);
});

Deno.test("put of a value that is not canonical bencode is refused with 203", () => {
  const bytes = decodeByteString(
    `d1:ad2:id20:${"a".repeat(20)}5:token1:x1:vd1:bi1e1:ai2eee1:q3:put1:t2:tt1:y1:qe`,
  );
  const answer = answerTo(make(), bytes);
  assertEquals(answer?.type === "error" && answer.code, KRPC_ERRORS.protocol);
});

Deno.test("sample_infohashes shows what is stored, and says so when nothing is (BEP 51)", () => {
  const node = make(), sample = { type: "sampleInfohashes", id: ID, target: HASH } as const;
  const empty = ask(node, sample);
  assertEquals([empty.samples?.length, empty.total], [0, 0]);
  assertNotEquals(empty.nodes, undefined);
  const { token } = ask(node, { type: "getPeers", id: ID, infoHash: HASH });
  ask(node, { type: "announcePeer", id: ID, infoHash: HASH, port: 1, token: token! });
  const full = ask(node, sample, ASKER, 400_000);
  assertEquals([full.samples, full.total], [HASH, 1]);
  assert(full.intervalSeconds! >= 0 && full.intervalSeconds! <= 21_600);
});

Deno.test("a query without a row is answered like find_node if it has a target, else with 204", () => {
  const unknown = (extra: string) =>
    decodeByteString(`d1:ad2:id20:${"a".repeat(20)}${extra}e1:q4:hmmm1:t2:tt1:y1:qe`);
  for (const key of ["6:target", "9:info_hash"]) {
    const answer = answerTo(make(), unknown(`${key}20:${"b".repeat(20)}`));
    assertEquals(answer?.type === "reply" && answer.reply.nodes?.length, 0);
  }
  const answer = answerTo(make(), unknown(""));
  assertEquals(answer?.type === "error" && answer.code, KRPC_ERRORS.methodUnknown);
});

Deno.test("senseless arguments are answered with 203", () => {
  const answer = answerTo(make(), decodeByteString("d1:ade1:q4:ping1:t2:tt1:y1:qe"));
  assertEquals(answer?.type === "error" && [answer.code, answer.transaction], [KRPC_ERRORS.protocol, T]);
});

Deno.test("a read-only node answers nobody, and marks its own queries (BEP 43)", () => {
  const node = make({ readOnly: true, nodes: [globalAddress(5)] });
  assertEquals(
    node.handle({ type: "datagram", from: ASKER, bytes: packet({ type: "ping", id: ID }) }, 0),
    [],
  );
  const sent = node.handle({ type: "tick" }, 0).find((effect) => effect.type === "send");
  const query = decodeKrpc(sent!.bytes);
  assert(query.type === "query" && query.readOnly);
});

Deno.test("a read-only asker is answered but never pinged (BEP 43)", () => {
  const effects = make().handle({
    type: "datagram",
    from: ASKER,
    bytes: packet({ type: "ping", id: ID }, true),
  }, 0);
  assertEquals(effects.map((effect) => effect.type === "send" && decodeKrpc(effect.bytes).type), ["reply"]);
});

Deno.test("an asker comes into the table only when it has answered a ping", () => {
  const node = make(),
    ping = { type: "datagram", from: ASKER, bytes: packet({ type: "ping", id: ID }) } as const;
  const types = (effects: readonly DhtEffect[]) =>
    effects.flatMap((effect) => effect.type === "send" ? [decodeKrpc(effect.bytes).type] : []);
  assertEquals(types(node.handle({ type: "tick" }, 0)), []);
  assertEquals(types(node.handle(ping, 0)), ["reply"]);
  assertEquals(node.deadline(), 500);
  assertEquals(types(node.handle({ type: "tick" }, 500)), ["query"]);
  assertEquals(node.nodes(500), []);
  introduce(node, globalAddress(7), ID, 1000);
  assertEquals(node.nodes(1500), [{ id: ID, address: globalAddress(7) }]);
});

Deno.test("no reply is longer than 1024 bytes, save one with an item", () => {
  const node = make({ families: [4, 6] }), random = seeded(9), NOW = 400_000;
  for (let i = 0; i < 300; i++) {
    const now = i * 1000;
    const id = Uint8Array.from({ length: 20 }, () => Math.floor(random() * 256));
    introduce(node, globalAddress(i), id, now);
    introduce(node, { host: `2001:${(0x1000 + i).toString(16)}::1`, port: 1 }, id, now);
  }
  for (let i = 0; i < 300; i++) {
    for (const from of [globalAddress(i), { host: `2001:${(0x1000 + i).toString(16)}::1`, port: 1 }]) {
      const { token } = ask(node, { type: "getPeers", id: ID, infoHash: HASH }, from, NOW);
      ask(node, { type: "announcePeer", id: ID, infoHash: HASH, port: 1, token: token! }, from, NOW);
    }
  }
  const transaction = new Uint8Array(64), want = [4, 6] as const;
  const queries: SendableQuery[] = [
    { type: "ping", id: ID },
    { type: "findNode", id: ID, target: HASH, want },
    { type: "getPeers", id: ID, infoHash: HASH, want },
    { type: "getPeers", id: ID, infoHash: HASH, want, scrape: true },
    { type: "get", id: ID, target: HASH, want },
    { type: "sampleInfohashes", id: ID, target: HASH, want },
  ];
  for (const from of [globalAddress(400), { host: "2001:db8:9::1", port: 1 }]) {
    for (const query of queries) {
      const bytes = encodeKrpc({ type: "query", transaction, readOnly: true, query });
      const [effect] = node.handle({ type: "datagram", from, bytes }, NOW);
      assert(effect?.type === "send" && effect.bytes.length <= 1024, `${query.type} of ${from.host}`);
    }
  }
});

Deno.test("a reply with the longest item fits a frame", () => {
  const node = make(), item = { ...mutable(2n ** 62n), value: encode("x".repeat(996)) };
  for (let i = 10; i < 40; i++) introduce(node, globalAddress(i), new Uint8Array(20).fill(i * 6));
  assertEquals(put(node, item)?.type, "reply");
  const bytes = packet({ type: "get", id: ID, target: itemTarget(item) });
  const [effect] = node.handle({ type: "datagram", from: ASKER, bytes }, 0);
  assert(effect?.type === "send" && effect.bytes.length <= 1400);
  const reply = decodeKrpc(effect.bytes);
  assert(reply.type === "reply" && reply.reply.value !== undefined);
});
