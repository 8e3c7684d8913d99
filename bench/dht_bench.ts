/**
 * The pure DHT machine without sockets: six KRPC packets decoded and encoded, beside npm `bencode`, `bencode-ts` and the
 * older `bencode` that `bittorrent-dht` speaks with (these stop at bencode; ours also checks and types the message), and
 * queries answered.
 */

// deno-lint-ignore-file no-import-prefix
import bencode from "npm:bencode@4.0.1";
import bencode2 from "npm:bencode@2.0.3";
import { Bencode } from "npm:bencode-ts@1.0.1";
import { Buffer } from "node:buffer";
import { randomBytes } from "../src/bytes/random.ts";
import { decodeKrpc, encodeKrpc, type SendableKrpcMessage } from "../src/dht/messages/krpc.ts";
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

/** A packet of each kind, as they go by the million. */
const PACKETS: readonly Uint8Array<ArrayBuffer>[] = [
  PING,
  FIND_NODE[0]!,
  GET_PEERS[0]!,
  ANNOUNCES[0]!,
  encodeKrpc({
    type: "reply",
    transaction: AA,
    version: VERSION,
    reply: { id: ID, nodes: new Uint8Array(208).fill(1), token: randomBytes(random, 8) },
  }),
  encodeKrpc({
    type: "reply",
    transaction: AA,
    version: VERSION,
    reply: {
      id: ID,
      token: randomBytes(random, 8),
      values: Array.from({ length: 20 }, () => randomBytes(random, 6)),
    },
  }),
].map((packet) => packet.slice());
const BUFFERS = PACKETS.map((packet) => Buffer.from(packet));
const MESSAGES = PACKETS.map(decodeKrpc) as SendableKrpcMessage[];
const VALUES = PACKETS.map((packet) => bencode.decode(packet));
const VALUES2 = BUFFERS.map((packet) => bencode2.decode(packet));
const VALUES_TS = BUFFERS.map((packet) => Bencode.decode(packet));

let turn = 0;
function answer(bytes: Uint8Array, from: PeerAddress = SOURCES[turn % SOURCES.length]!): void {
  turn++;
  if (node.handle({ type: "datagram", from, bytes }, 600_000).length === 0) {
    throw new Error("the node does not answer");
  }
}

Deno.bench("decodeKrpc", { group: "decode six packets", baseline: true }, () => {
  for (const packet of PACKETS) decodeKrpc(packet);
});
Deno.bench("bencode 4", { group: "decode six packets" }, () => {
  for (const packet of PACKETS) bencode.decode(packet);
});
Deno.bench("bencode 2, of bittorrent-dht", { group: "decode six packets" }, () => {
  for (const packet of BUFFERS) bencode2.decode(packet);
});
Deno.bench("bencode-ts", { group: "decode six packets" }, () => {
  for (const packet of BUFFERS) Bencode.decode(packet);
});
Deno.bench("encodeKrpc", { group: "encode six packets", baseline: true }, () => {
  for (const message of MESSAGES) encodeKrpc(message);
});
Deno.bench("bencode 4", { group: "encode six packets" }, () => {
  for (const value of VALUES) bencode.encode(value);
});
Deno.bench("bencode 2, of bittorrent-dht", { group: "encode six packets" }, () => {
  for (const value of VALUES2) bencode2.encode(value);
});
Deno.bench("bencode-ts", { group: "encode six packets" }, () => {
  for (const value of VALUES_TS) Bencode.encode(value);
});
Deno.bench("handle(ping)", { group: "answers" }, () => answer(PING));
Deno.bench("handle(find_node)", { group: "answers" }, () => answer(FIND_NODE[turn % FIND_NODE.length]!));
Deno.bench("handle(get_peers)", { group: "answers" }, () => answer(GET_PEERS[turn % GET_PEERS.length]!));
Deno.bench("handle(announce_peer)", { group: "answers" }, () => {
  const i = turn % ANNOUNCES.length;
  answer(ANNOUNCES[i]!, SOURCES[i % SOURCES.length]!);
});
