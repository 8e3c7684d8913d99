/**
 * What a whole client costs as its swarm grows, in the virtual network: sockets, wire connections, torrent machine, choker, peer
 * exchange, events. The columns should be flat, or nearly.
 *
 *   deno run -A --v8-flags=--expose-gc --env-file=.env.jsr bench/swarm.ts [peers,…]
 *
 * Peers are hardly more than the bytes they say. All together have 100 MB/s, and the client should get them. Pieces of 256 KiB are
 * neither hashed nor kept. Between two timers of the virtual clock either the client works or one peer does: so their CPU time can be
 * told apart. The virtual network's own, which copies every byte twice, counts as the client's.
 */

import process from "node:process";
import { encode } from "../src/bencode/encode.ts";
import { Bitfield } from "../src/bytes/bitfield.ts";
import { type Client, createClient } from "../src/client/client.ts";
import { PieceBufferPool } from "../src/io/piece_buffers.ts";
import type { PieceStore } from "../src/io/storage.ts";
import type { ByteConnection, Clock } from "../src/io/transport.ts";
import { readMetainfo } from "../src/metainfo/metainfo.ts";
import { seededRandom, VirtualClock, VirtualNetwork } from "../src/testing/mod.ts";
import { encodeMessages } from "../src/wire/messages/encode_message.ts";
import { encodeExtensionHandshake } from "../src/wire/messages/extension.ts";
import { encodeHandshake, encodeReserved, HANDSHAKE_LENGTH } from "../src/wire/messages/handshake.ts";
import type { PeerMessage } from "../src/wire/messages/message.ts";
import { head, row } from "./table.ts";

const BLOCK = 16384, BLOCKS = 16, PIECE = BLOCKS * BLOCK, PIECES = 4096;
const BYTES_PER_SECOND = 100e6, SLOTS = 8, QUEUE = 500, PIPELINE = 256;
const RUNS = 5, BLOCKS_PER_RUN = 4000;
/** Until everybody was told of the others for the first time. */
const SETTLING_MS = 10_000;

const metainfo = await readMetainfo(encode({
  info: {
    length: PIECES * PIECE,
    name: "content",
    "piece length": PIECE,
    pieces: new Uint8Array(20 * PIECES),
  },
}));

/** A clock that counts the client's time: of every turn between two timers in which no peer has worked. */
class Stopwatch implements Clock {
  readonly virtual = new VirtualClock();
  #ms = 0;
  #idleMs = 0;
  #since = 0;
  #isPeers = true;

  /** Milliseconds of the client's work so far. */
  get clientMs(): number {
    return this.#ms;
  }

  now(): number {
    return this.virtual.now();
  }

  schedule(at: number, callback: () => void): () => void {
    return this.virtual.schedule(at, () => {
      this.#turn();
      callback();
    });
  }

  /** Whatever happens in this turn is a peer's work. */
  isPeers(): void {
    this.#isPeers = true;
  }

  /** Finds out what a turn takes in which nothing happens. */
  async calibrate(turns = 10_000): Promise<void> {
    for (let i = 0; i < turns; i++) this.schedule(i, () => {});
    await this.virtual.advance(turns);
    this.#idleMs = this.#ms / turns;
    this.#ms = 0;
  }

  #turn(): void {
    const { user, system } = process.cpuUsage(), now = (user + system) / 1000;
    if (!this.#isPeers) this.#ms += now - this.#since - this.#idleMs;
    this.#isPeers = false;
    this.#since = now;
  }
}

const block = new Uint8Array(BLOCK), heard = new Uint8Array(1 << 18);
const reserved = encodeReserved(["fast", "extended"]);
const hello = encodeExtensionHandshake({
  ids: new Map([["ut_pex", 1]]),
  requestQueue: QUEUE,
  listenPort: 6881,
});

/** Answers requests with zeros; asks for pieces, one after the other, once it is unchoked. */
class Peer {
  /** Blocks that all peers have sent and received. */
  static blocks = 0;
  readonly #connection: ByteConnection;
  readonly #watch: Stopwatch;
  #asked: number;

  constructor(connection: ByteConnection, watch: Stopwatch, index: number) {
    this.#connection = connection;
    this.#watch = watch;
    this.#asked = index * 7 * BLOCKS;
    const peerId = new Uint8Array(20);
    new DataView(peerId.buffer).setUint32(0, index);
    void connection.write(encodeHandshake({ reserved, infoHash: metainfo.infoHash, peerId }));
    this.say({ type: "extended", id: 0, payload: hello });
    void this.#listen();
  }

  say(...messages: PeerMessage[]): void {
    if (messages.length > 0) void this.#connection.write(encodeMessages(messages));
  }

  async #listen(): Promise<void> {
    let at = HANDSHAKE_LENGTH;
    for (let length; (length = await this.#connection.read(heard)) !== null; at -= length) {
      this.#watch.isPeers();
      const answers: PeerMessage[] = [];
      while (at < length) at += this.#hear(new DataView(heard.buffer, at), answers);
      this.say(...answers);
    }
  }

  /** Takes a message that begins here; answers its length. Messages are never cut: each arrives as it was written. */
  #hear(view: DataView, answers: PeerMessage[]): number {
    const length = view.getUint32(0), id = length > 0 ? view.getUint8(4) : undefined;
    if (id === 1) { for (let i = 0; i < PIPELINE; i++) answers.push(this.#ask()); }
    if (id === 6) answers.push({ type: "piece", piece: view.getUint32(5), begin: view.getUint32(9), block });
    if (id === 7) answers.push(this.#ask());
    if (id === 6 || id === 7) Peer.blocks++;
    return 4 + length;
  }

  #ask(): PeerMessage {
    const next = this.#asked++, piece = Math.floor(next / BLOCKS) % PIECES;
    return { type: "request", piece, begin: next % BLOCKS * BLOCK, length: BLOCK };
  }
}

/** Content that is there, or comes and goes nowhere. */
function openStore(isFull: boolean): PieceStore {
  const stamp = { length: PIECES * PIECE, modifiedMs: 1, partial: false };
  return {
    buffers: new PieceBufferPool(metainfo.info),
    store: () => Promise.resolve("stored"),
    read: () => Promise.resolve(),
    check: () => Promise.resolve(isFull),
    checkAll: () => Promise.resolve(isFull ? Bitfield.full(PIECES) : new Bitfield(PIECES)),
    confirm: () => {},
    stamps: () => Promise.resolve(isFull ? [stamp] : []),
    finish: () => Promise.resolve("finished"),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const CLIENT = { host: "10.0.0.1", port: 6881 };

/** A client in a network of its own, and its peers. */
class Swarm implements AsyncDisposable {
  readonly watch: Stopwatch;
  readonly peers: Peer[] = [];
  readonly #network: VirtualNetwork;
  readonly #client: Client;

  private constructor(watch: Stopwatch, network: VirtualNetwork, client: Client) {
    this.watch = watch;
    this.#network = network;
    this.#client = client;
  }

  /** A client that has everything or nothing, and no peers yet. */
  static async start(isSeed: boolean, peersAtWork: number): Promise<Swarm> {
    const link = { latencyMs: 10, bandwidth: BYTES_PER_SECOND / peersAtWork };
    const watch = new Stopwatch(), network = new VirtualNetwork({ clock: watch, link });
    await watch.calibrate();
    const client = await createClient({
      ...{ network: network.host(CLIENT.host), port: CLIENT.port, clock: watch, random: seededRandom(1) },
      ...{ openStore: () => Promise.resolve(openStore(isSeed)), resume: false, dht: false },
      ...{ encryption: "disabled", maxConnections: 10_000, maxConnectionsPerTorrent: 10_000 },
    });
    const handle = await watch.virtual.runUntil(client.add(metainfo));
    void readAll(handle!.events());
    await watch.virtual.advance(1000);
    return new Swarm(watch, network, client);
  }

  /** So many peers dial the client, one after the other. */
  async connect(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const host = this.#network.host(`10.${i & 255}.${i >> 8}.3`);
      this.peers.push(new Peer((await this.watch.virtual.runUntil(host.dial(CLIENT)))!, this.watch, i));
    }
    await this.watch.virtual.advance(SETTLING_MS);
  }

  /** The client's microseconds for each of some units of work. */
  async time(units: number, work: () => Promise<unknown>): Promise<number> {
    this.watch.isPeers(); // what was before is not the client's
    const before = this.watch.clientMs;
    await work();
    return (this.watch.clientMs - before) * 1000 / units;
  }

  /** The client's microseconds per block, the best of some runs, and megabytes per virtual second. */
  async move(): Promise<[us: number, rate: number]> {
    const { virtual } = this.watch, times: number[] = [];
    const run = () => {
      const end = Peer.blocks + BLOCKS_PER_RUN;
      return virtual.runUntil(() => Peer.blocks >= end);
    };
    await run();
    const start = virtual.now();
    for (let i = 0; i < RUNS; i++) times.push(await this.time(BLOCKS_PER_RUN, run));
    return [Math.min(...times), RUNS * BLOCKS_PER_RUN * BLOCK / 1000 / (virtual.now() - start)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch.virtual.runUntil(this.#client.close());
  }
}

async function readAll(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

/** Kibibytes in use, what the engine can collect apart. */
async function memory(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 20, gc?.()));
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 1024;
}

const COLUMNS = ["peers", "connecting", "KiB", "a minute of nothing", "block sent", "block received", "MB/s"];

async function measure(count: number): Promise<number[]> {
  await using up = await Swarm.start(true, Math.min(count, SLOTS));
  const before = await memory();
  const connecting = await up.time(count, () => up.connect(count));
  const kib = (await memory() - before) / count;
  const idle = await up.time(count, () => up.watch.virtual.advance(60_000));
  for (const peer of up.peers) peer.say({ type: "haveNone" }, { type: "interested" });
  const [sent] = await up.move();
  await using down = await Swarm.start(false, count);
  await down.connect(count);
  for (const peer of down.peers) peer.say({ type: "haveAll" }, { type: "unchoke" });
  return [connecting, kib, idle, sent, ...await down.move()];
}

const sizes = Deno.args[0]?.split(",").map(Number) ?? [1, 50, 500];
await measure(20); // warms up
console.log(head(COLUMNS));
for (const peers of sizes) {
  console.log(row([peers, ...(await measure(peers)).map((number) => number.toFixed(1))]));
}
