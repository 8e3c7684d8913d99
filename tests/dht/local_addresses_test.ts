/** Addresses of local networks mean something else to everybody: whose word counts about them, and who is told. */

import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { decodeKrpc, encodeKrpc, type KrpcQuery } from "../../src/dht/messages/krpc.ts";
import { decodeCompactNodes, encodeCompactNode } from "../../src/dht/messages/node_info.ts";
import type { SendableQuery } from "../../src/dht/messages/query.ts";
import type { DhtReply } from "../../src/dht/messages/reply.ts";
import { DhtNode } from "../../src/dht/node.ts";
import { randomIdNear } from "../../src/dht/node_id.ts";
import type { DhtEffect, DhtInput } from "../../src/dht/vocabulary.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import { decodeCompactPeer, encodeCompactPeer } from "../../src/peer/compact_peer.ts";
import { seeded } from "./virtual_dht.ts";

const HASH = new Uint8Array(20).fill(0xbb), T = Uint8Array.of(1, 2);
const GLOBAL = "5.6.7.8", PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1"];
const LOOPBACK = "127.0.0.1", NOWHERE = ["0.1.2.3", "224.0.0.1", "255.255.255.255"];
const EVERYWHERE = [GLOBAL, ...PRIVATE, LOOPBACK, ...NOWHERE];

/** Who may be heard of from whom. */
const WITNESSES: Readonly<Record<string, readonly string[]>> = {
  "9.9.9.9": [GLOBAL],
  "192.168.7.7": [GLOBAL, ...PRIVATE],
  "127.0.0.9": [GLOBAL, ...PRIVATE, LOOPBACK],
};

function make(): DhtNode {
  return new DhtNode({ random: seeded(1) }, 0);
}

function queries(effects: readonly DhtEffect[]): { readonly to: PeerAddress; readonly message: KrpcQuery }[] {
  return effects.flatMap((effect) => {
    const message = effect.type === "send" ? decodeKrpc(effect.bytes) : undefined;
    return effect.type === "send" && message?.type === "query" ? [{ to: effect.to, message }] : [];
  });
}

/** Asks the node at `witness`, and takes its reply. */
function hear(witness: string, input: DhtInput, reply: Omit<DhtReply, "id">): readonly DhtEffect[] {
  const from = { host: witness, port: 6881 }, node = make();
  node.handle({ type: "addNode", address: from }, 0);
  const effects = node.handle(input, 0), type = input.type === "sample" ? "sampleInfohashes" : input.type;
  const asked = queries(effects).find(({ message }) => message.query.type === type)!;
  const { transaction } = asked.message, id = randomIdNear(seeded(2), HASH, 3);
  return node.handle(
    { type: "datagram", from, bytes: encodeKrpc({ type: "reply", transaction, reply: { id, ...reply } }) },
    1,
  );
}

function compactNodes(hosts: readonly string[]): Uint8Array {
  const random = seeded(3);
  return concat(
    hosts.map((host, i) =>
      encodeCompactNode({ id: randomIdNear(random, HASH, 20 + i), address: { host, port: 1000 } })
    ),
  );
}

Deno.test("a lookup asks nodes of a local network only if somebody there named them", () => {
  for (const [witness, believed] of Object.entries(WITNESSES)) {
    for (const host of EVERYWHERE) {
      const effects = hear(witness, { type: "findNode", id: 1, target: HASH }, {
        nodes: compactNodes([host]),
      });
      const asked = queries(effects).map(({ to }) => to.host).filter((to) => to !== witness);
      assertEquals(asked, believed.includes(host) ? [host] : [], `${host} named by ${witness}`);
    }
  }
});

Deno.test("an IPv4 address written as IPv6 is no node of the IPv6 DHT (BEP 32)", () => {
  const mapped = new Uint8Array(38);
  mapped.set(randomIdNear(seeded(5), HASH, 30));
  mapped.set([0xff, 0xff, 5, 6, 7, 8, 0x1a, 0xe1], 30);
  const node = new DhtNode({ random: seeded(1), families: [4, 6] }, 0),
    from = { host: "2a00:1::1", port: 6881 };
  node.handle({ type: "addNode", address: from }, 0);
  const asked = queries(node.handle({ type: "findNode", id: 1, target: HASH }, 0));
  const { transaction } = asked.find(({ to }) => to.host === from.host)!.message;
  const reply = { id: randomIdNear(seeded(2), HASH, 3), nodes6: mapped };
  const bytes = encodeKrpc({ type: "reply", transaction, reply });
  assertEquals(queries(node.handle({ type: "datagram", from, bytes }, 1)), []);
});

Deno.test("a lookup tells peers of a local network only if somebody there named them, and nobody's port 0", () => {
  for (const [witness, believed] of Object.entries(WITNESSES)) {
    const values = EVERYWHERE.map((host) => encodeCompactPeer({ host, port: 1000 }));
    values.push(Uint8Array.of(1, 2, 3, 4, 0, 0));
    const effects = hear(witness, { type: "getPeers", id: 1, infoHash: HASH }, { values });
    const told = effects.flatMap((effect) => effect.type === "peers" ? effect.peers : []);
    assertEquals(told.map(({ host }) => host), believed, witness);
  }
});

Deno.test("a sample names nodes of a local network only if it comes from there", () => {
  const input = (host: string): DhtInput => ({
    type: "sample",
    id: 1,
    target: HASH,
    address: { host, port: 6881 },
  });
  for (const [witness, believed] of Object.entries(WITNESSES)) {
    const effects = hear(witness, input(witness), { nodes: compactNodes(EVERYWHERE) });
    const told = effects.flatMap((effect) => effect.type === "samples" ? effect.nodes : []);
    assertEquals(told.map(({ address }) => address.host), believed, witness);
  }
});

/** What the node answers. */
function ask(node: DhtNode, host: string, query: SendableQuery): DhtReply {
  const bytes = encodeKrpc({ type: "query", transaction: T, readOnly: true, query });
  for (const effect of node.handle({ type: "datagram", from: { host, port: 6881 }, bytes }, 0)) {
    const message = effect.type === "send" ? decodeKrpc(effect.bytes) : undefined;
    if (message?.type === "reply") return message.reply;
  }
  throw new Error("no reply");
}

Deno.test("the internet is told neither peers nor nodes of our network", () => {
  const node = make(), random = seeded(4), id = new Uint8Array(20).fill(7), askers = Object.keys(WITNESSES);
  for (const host of [...askers, "9.9.8.1", "9.9.7.1"]) {
    const { token } = ask(node, host, { type: "getPeers", id, infoHash: HASH });
    ask(node, host, { type: "announcePeer", id, infoHash: HASH, port: 1000, token: token! });
    const address = { host, port: 6881 };
    const [ping] = queries(node.handle({ type: "ping", id: 1, address }, 0)), { transaction } = ping!.message;
    const reply = { id: randomIdNear(random, HASH, 5) };
    node.handle(
      { type: "datagram", from: address, bytes: encodeKrpc({ type: "reply", transaction, reply }) },
      0,
    );
  }
  const told = askers.map((host) => {
    const { nodes, values = [] } = ask(node, host, { type: "getPeers", id, infoHash: HASH });
    return {
      nodes: decodeCompactNodes(nodes!, 4).map(({ address }) => address.host).sort(),
      peers: values.map((value) => decodeCompactPeer(value).host).sort(),
    };
  });
  const outside = ["9.9.7.1", "9.9.8.1", "9.9.9.9"], inside = ["192.168.7.7", ...outside];
  const all = ["127.0.0.9", ...inside];
  assertEquals(told, [outside, inside, all].map((hosts) => ({ nodes: hosts, peers: hosts })));
});
