/** The pure DHT machine: packets decoded and encoded, and queries answered per second, without sockets. */

import { randomBytes } from "../src/bytes/random.ts";
import { decodeKrpc, encodeKrpc } from "../src/dht/messages/krpc.ts";
import type { SendableQuery } from "../src/dht/messages/query.ts";
import { bindNodeId } from "../src/dht/node_id.ts";
import { DhtNode } from "../src/dht/node.ts";
import type { DhtEffect } from "../src/dht/vocabulary.ts";
import type { PeerAddress } from "../src/peer/address.ts";
import { globalAddress, seeded } from "../tests/dht/virtual_dht.ts";

const random = seeded(1), AA = Uint8Array.of(0x61, 0x61), VERSION = Uint8Array.of(1, 2, 3, 4);
/** Nobody is limited, as in every measurement of answers per second. */
const limits = { queriesPerSecond: 1e9, burst: 1e9, replyBytesPerSecond: 1e12 };
const node = new DhtNode({ random, limits }, 0);
const SOURCES: readonly PeerAddress[] = Array.from({ length: 2000 }, (_, i) => globalAddress(i));
const TARGETS = Array.from({ length: 1000 }, () => randomBytes(random, 20));

function packet(query: SendableQuery): Uint8Array {
  return encodeKrpc({ type: "query", transaction: AA, version: VERSION, readOnly: false, query });
}

/** Fills the table: the node pings whoever asks, and everybody answers whatever it asks. */
function fillTable(): void {
  const ids = new Map<string, Uint8Array>();
  const serve = (effects: readonly DhtEffect[], now: number): void => {
    for (const effect of effects) {
      const message = effect.type === "send" ? decodeKrpc(effect.bytes) : undefined;
      if (effect.type !== "send" || message?.type !== "query") continue;
      const id = ids.get(effect.to.host)!;
      const bytes = encodeKrpc({ type: "reply", transaction: message.transaction, reply: { id } });
      serve(node.handle({ type: "datagram", from: effect.to, bytes }, now), now);
    }
  };
  for (let i = 0; i < 800; i++) {
    const from = SOURCES[i]!, id = bindNodeId(randomBytes(random, 20), from.host, i % 256);
    ids.set(from.host, id);
    serve(node.handle({ type: "datagram", from, bytes: packet({ type: "ping", id }) }, i * 500), i * 500);
    serve(node.handle({ type: "tick" }, i * 500 + 499), i * 500 + 499);
  }
}

/** Announces 10,000 peers on 1,000 torrents and keeps the tokens. */
function fillStore(): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let i = 0; i < 10_000; i++) {
    const infoHash = TARGETS[i % TARGETS.length]!, from = SOURCES[i % SOURCES.length]!;
    const asked = node.handle({
      type: "datagram",
      from,
      bytes: packet({ type: "getPeers", id: infoHash, infoHash }),
    }, 600_000);
    const sent = asked.find((effect) => effect.type === "send"), answer = sent && decodeKrpc(sent.bytes);
    if (answer?.type !== "reply") throw new Error("the node does not answer");
    const { token } = answer.reply;
    const bytes = packet({ type: "announcePeer", id: infoHash, infoHash, port: 1 + i, token: token! });
    node.handle({ type: "datagram", from, bytes }, 600_000);
    packets.push(bytes);
  }
  return packets;
}

fillTable();
const ANNOUNCES = fillStore();
const ID = randomBytes(random, 20);
const PING = packet({ type: "ping", id: ID });
const FIND_NODE = TARGETS.map((target) => packet({ type: "findNode", id: ID, target }));
const GET_PEERS = TARGETS.map((infoHash) => packet({ type: "getPeers", id: ID, infoHash }));
const REPLY = encodeKrpc({
  type: "reply",
  transaction: AA,
  version: VERSION,
  reply: { id: ID, nodes: new Uint8Array(208).fill(1), token: VERSION },
});
const DECODED = decodeKrpc(REPLY);

let turn = 0;
function answer(bytes: Uint8Array, from: PeerAddress = SOURCES[turn % SOURCES.length]!): void {
  turn++;
  if (node.handle({ type: "datagram", from, bytes }, 600_000).length === 0) {
    throw new Error("the node does not answer");
  }
}

Deno.bench("decodeKrpc(ping)", { group: "codec" }, () => void decodeKrpc(PING));
Deno.bench("decodeKrpc(get_peers)", { group: "codec" }, () => void decodeKrpc(GET_PEERS[0]!));
Deno.bench("decodeKrpc(reply with 8 nodes)", { group: "codec" }, () => void decodeKrpc(REPLY));
Deno.bench("encodeKrpc(reply with 8 nodes)", { group: "codec" }, () => {
  if (DECODED.type === "reply") encodeKrpc(DECODED);
});
Deno.bench("handle(ping)", { group: "answers" }, () => answer(PING));
Deno.bench("handle(find_node)", { group: "answers" }, () => answer(FIND_NODE[turn % FIND_NODE.length]!));
Deno.bench("handle(get_peers)", { group: "answers" }, () => answer(GET_PEERS[turn % GET_PEERS.length]!));
Deno.bench("handle(announce_peer)", { group: "answers" }, () => {
  const i = turn % ANNOUNCES.length;
  answer(ANNOUNCES[i]!, SOURCES[i % SOURCES.length]!);
});
