/**
 * Peer messages against `npm:bittorrent-protocol` and `npm:peer-wire-protocol`: cutting a stream in the chunks of a fast
 * and a slow line, and encoding. One iteration is the whole stream, or 1,024 messages.
 */

// deno-lint-ignore-file no-import-prefix
import { Buffer } from "node:buffer";
import BittorrentProtocol from "npm:bittorrent-protocol@5.0.9";
import peerWireProtocol from "npm:peer-wire-protocol@0.7.1";
import { Connection } from "../src/wire/connection.ts";
import { encodeMessageInto, encodeMessages } from "../src/wire/messages/encode_message.ts";
import { encodeHandshake } from "../src/wire/messages/handshake.ts";
import type { PeerMessage } from "../src/wire/messages/message.ts";

const BLOCK = 16384, BATCH = 1024;
const block = new Uint8Array(BLOCK).fill(3);

/** The part of the two npm classes that is driven here. */
interface Wire {
  write(bytes: Uint8Array): boolean;
  on(event: string, listener: (...values: never[]) => void): void;
  once(event: string, listener: () => void): void;
  have(piece: number): void;
  request(piece: number, begin: number, length: number, done?: () => void): void;
  piece(piece: number, begin: number, block: Uint8Array): void;
  requests: unknown[];
  peerChoking: boolean;
  amChoking: boolean;
  _onRequest?: (piece: number, begin: number, length: number) => void;
  _onrequest?: (piece: number, begin: number, length: number) => void;
}

const PEERS: Record<string, () => Wire> = {
  "bittorrent-protocol": () => new BittorrentProtocol() as unknown as Wire,
  "peer-wire-protocol": () => peerWireProtocol() as unknown as Wire,
};

const handshake = encodeHandshake({
  reserved: new Uint8Array(8),
  infoHash: new Uint8Array(20).fill(1),
  peerId: new Uint8Array(20).fill(2),
});

interface Stream {
  readonly bytes: Uint8Array;
  readonly messages: number;
  /** How many of them are pieces or requests, which the npm classes report. */
  readonly reported: number;
}

function pieces(count: number): Stream {
  const messages: PeerMessage[] = Array.from({ length: count }, (_, i) => {
    return { type: "piece", piece: i >> 6, begin: (i & 63) * BLOCK, block };
  });
  return { bytes: encodeMessages(messages), messages: count, reported: count };
}

function small(count: number): Stream {
  const messages: PeerMessage[] = Array.from({ length: count }, (_, i) => {
    return i & 1 ? { type: "have", piece: i } : { type: "request", piece: i, begin: 0, length: BLOCK };
  });
  return { bytes: encodeMessages(messages), messages: count, reported: (count + 1) >> 1 };
}

/** Cuts like a socket does: chunks between half and the whole of `most` bytes. */
function cut(bytes: Uint8Array, most: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let seed = 7;
  for (let at = 0; at < bytes.length;) {
    seed = seed * 1103515245 + 12345 & 0x7fffffff;
    const end = Math.min(bytes.length, at + (most / 2 + seed / 0x7fffffff * most / 2 | 0));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

function openConnection(): Connection {
  const connection = new Connection({
    direction: "outgoing",
    peerId: new Uint8Array(20).fill(3),
    infoHash: new Uint8Array(20).fill(1),
    pieceCount: 1 << 24,
  }, 0);
  connection.handle({ type: "tick" }, 0);
  connection.handle({ type: "bytes", bytes: handshake }, 0);
  return connection;
}

function openWire(name: string): { wire: Wire; seen: () => number } {
  const wire = PEERS[name]!();
  let seen = 0;
  const count = () => void seen++;
  wire.on("piece", count);
  wire.on("have", () => {});
  wire.on("request", count);
  wire.on("data", () => {});
  // Both refuse requests for other reasons than framing; report them before that.
  wire._onRequest = wire._onrequest = count;
  wire.amChoking = wire.peerChoking = false;
  wire.write(Buffer.from(handshake));
  return { wire, seen: () => seen };
}

async function feed({ wire, seen }: ReturnType<typeof openWire>, chunks: Uint8Array[], reported: number) {
  const until = seen() + reported;
  for (const chunk of chunks) {
    if (!wire.write(chunk)) await new Promise<void>((resolve) => wire.once("drain", resolve));
  }
  while (seen() < until) await new Promise((resolve) => setImmediate(resolve));
}

const STREAMS = { "2,048 pieces of 16 KiB": pieces(2048), "100,000 have and request": small(100_000) };

for (const [what, stream] of Object.entries(STREAMS)) {
  for (const most of [65536, 1460]) {
    const group = `${what} in chunks up to ${most} bytes`, chunks = cut(stream.bytes, most);
    const connection = openConnection();
    Deno.bench({
      name: `network-bittorrent, ${group}`,
      group,
      fn() {
        let messages = 0;
        for (const bytes of chunks) messages += connection.handle({ type: "bytes", bytes }, 0).length;
        if (messages !== stream.messages) throw new Error(`lost messages: ${messages} of ${stream.messages}`);
      },
    });
    for (const name of Object.keys(PEERS)) {
      const peer = openWire(name), buffers = chunks.map((c) => Buffer.from(c.buffer, c.byteOffset, c.length));
      Deno.bench({
        name: `npm:${name}, ${group}`,
        group,
        baseline: name === "bittorrent-protocol",
        async fn() {
          await feed(peer, buffers, stream.reported);
        },
      });
    }
  }
}

function sent(wire: Wire): () => number {
  let bytes = 0;
  wire.on("data", (data: Uint8Array) => void (bytes += data.length));
  return () => bytes;
}

const ENCODED: Record<string, { message: (i: number) => PeerMessage; say: (wire: Wire, i: number) => void }> =
  {
    request: {
      message: (i) => ({ type: "request", piece: i, begin: 0, length: BLOCK }),
      say(wire, i) {
        wire.request(i, 0, BLOCK);
        wire.requests.length = 0;
      },
    },
    piece: {
      message: (i) => ({ type: "piece", piece: i, begin: 0, block }),
      say: (wire, i) => wire.piece(i, 0, block),
    },
  };

for (const [what, { message, say }] of Object.entries(ENCODED)) {
  const group = `encode 1,024 ${what} messages`, out = new Uint8Array(1 << 18);
  const connection = openConnection();
  connection.handle({ type: "send", message: { type: "interested" } }, 0);
  Deno.bench({
    name: `network-bittorrent, ${group}, a write effect each`,
    group,
    fn() {
      let bytes = 0;
      for (let i = 0; i < BATCH; i++) {
        for (const effect of connection.handle({ type: "send", message: message(i) }, 0)) {
          if (effect.type === "write") bytes += effect.bytes.length;
        }
      }
      if (bytes === 0) throw new Error("nothing was written");
    },
  });
  Deno.bench({
    name: `network-bittorrent, ${group}, into one buffer`,
    group,
    fn() {
      let at = 0;
      for (let i = 0; i < BATCH; i++) {
        if (at > out.length - BLOCK - 13) at = 0;
        at = encodeMessageInto(message(i), out, at);
      }
    },
  });
  for (const name of Object.keys(PEERS)) {
    const { wire } = openWire(name), bytes = sent(wire);
    Deno.bench({
      name: `npm:${name}, ${group}`,
      group,
      baseline: name === "bittorrent-protocol",
      async fn() {
        const before = bytes();
        for (let i = 0; i < BATCH; i++) say(wire, i);
        await new Promise((resolve) => setImmediate(resolve));
        if (bytes() === before) throw new Error("nothing was written");
      },
    });
  }
}
