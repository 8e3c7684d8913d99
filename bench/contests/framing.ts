/**
 * Peer messages beside `npm:bittorrent-protocol` and `npm:peer-wire-protocol`: cutting a stream in the chunks of a fast
 * and a slow line, and encoding. Ours has its handshake behind it and every check on: lengths, the table of phases, piece
 * indexes. Theirs are told to report requests although they choke.
 */

// deno-lint-ignore-file no-import-prefix
import { Buffer } from "node:buffer";
import BittorrentProtocol from "npm:bittorrent-protocol@5.0.9";
import peerWireProtocol from "npm:peer-wire-protocol@0.7.1";
import { Connection } from "../../src/wire/connection.ts";
import { encodeMessageInto, encodeMessages } from "../../src/wire/messages/encode_message.ts";
import { encodeHandshake } from "../../src/wire/messages/handshake.ts";
import { type PeerMessage, PIECE_HEADER_LENGTH } from "../../src/wire/messages/message.ts";
import { type Contest, type Contestant, OURS } from "./contest.ts";

const BLOCK = 16384, BATCH = 1024;
const block = new Uint8Array(BLOCK).fill(3);

/** The part of the two npm classes that is driven here. */
interface Wire {
  write(bytes: Uint8Array): boolean;
  on(event: string, listener: (...values: never[]) => void): void;
  once(event: string, listener: () => void): void;
  emit(event: string, ...values: unknown[]): void;
  have(piece: number): void;
  request(piece: number, begin: number, length: number, done?: () => void): void;
  piece(piece: number, begin: number, block: Uint8Array): void;
  requests: unknown[];
  peerChoking: boolean;
  amChoking: boolean;
  _onRequest?: (piece: number, begin: number, length: number) => void;
  _onrequest?: (piece: number, begin: number, length: number) => void;
}

const PEERS: Readonly<Record<string, () => Wire>> = {
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
  connection.handle({ type: "send", message: { type: "interested" } }, 0);
  return connection;
}

function openWire(name: string): Wire {
  const wire = PEERS[name]!();
  // Both refuse requests for other reasons than framing; report them before that.
  wire._onRequest = wire._onrequest = (...range) => wire.emit("request", ...range);
  wire.amChoking = wire.peerChoking = false;
  return wire;
}

function ourReader(chunks: readonly Uint8Array[], stream: Stream): Contestant {
  const connection = openConnection();
  return () => {
    let messages = 0;
    for (const bytes of chunks) {
      for (const effect of connection.handle({ type: "bytes", bytes }, 0)) {
        if (effect.type === "message") messages++;
      }
    }
    if (messages !== stream.messages) throw new Error(`lost messages: ${messages} of ${stream.messages}`);
  };
}

function theirReader(name: string, chunks: readonly Uint8Array[], stream: Stream): Contestant {
  const wire = openWire(name), buffers = chunks.map((c) => Buffer.from(c.buffer, c.byteOffset, c.length));
  let seen = 0;
  const count = () => void seen++;
  wire.on("piece", count);
  wire.on("have", () => {});
  wire.on("request", count);
  wire.on("data", () => {});
  wire.write(Buffer.from(handshake));
  return async () => {
    const until = seen + stream.reported;
    for (const chunk of buffers) {
      if (!wire.write(chunk)) await new Promise<void>((resolve) => wire.once("drain", resolve));
    }
    while (seen < until) await new Promise((resolve) => setImmediate(resolve));
  };
}

function copier(chunks: readonly Uint8Array[]): Contestant {
  const into = new Uint8Array(65536);
  return () => {
    for (const chunk of chunks) into.set(chunk);
  };
}

function reading(what: string, stream: Stream, most: number, aim: string): Contest {
  const chunks = cut(stream.bytes, most);
  const peers = Object.keys(PEERS).map((name) => [name, theirReader(name, chunks, stream)]);
  return {
    work: `${what} in chunks ≤ ${most} B`,
    units: stream.messages,
    aim,
    contestants: {
      ...Object.fromEntries(peers),
      memcpy: copier(chunks),
      [OURS]: ourReader(chunks, stream),
    },
  };
}

/** A kind of message, and how the npm classes are told to send it. */
interface Saying {
  readonly message: (i: number) => PeerMessage;
  readonly say: (wire: Wire, i: number) => void;
}

const SAYINGS: Readonly<Record<string, Saying>> = {
  have: { message: (i) => ({ type: "have", piece: i }), say: (wire, i) => wire.have(i) },
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

/** Each message is told to the machine alone and comes back as a write. */
function ourWriter({ message }: Saying): Contestant {
  const connection = openConnection();
  return () => {
    let bytes = 0;
    for (let i = 0; i < BATCH; i++) {
      for (const effect of connection.handle({ type: "send", message: message(i) }, 0)) {
        if (effect.type === "write") bytes += effect.bytes.length;
      }
    }
    if (bytes === 0) throw new Error("nothing was written");
  };
}

/** The codec alone, into memory that is used again: how an outbox gathers what goes out. */
function ourCodec({ message }: Saying): Contestant {
  const into = new Uint8Array(1 << 18), most = into.length - BLOCK - PIECE_HEADER_LENGTH;
  return () => {
    let at = 0;
    for (let i = 0; i < BATCH; i++) at = encodeMessageInto(message(i), into, at > most ? 0 : at);
    if (at === 0) throw new Error("nothing was written");
  };
}

function theirWriter(name: string, { say }: Saying): Contestant {
  const wire = openWire(name);
  let bytes = 0;
  wire.on("data", (data: Uint8Array) => void (bytes += data.length));
  return async () => {
    const before = bytes;
    for (let i = 0; i < BATCH; i++) say(wire, i);
    await new Promise((resolve) => setImmediate(resolve));
    if (bytes === before) throw new Error("nothing was written");
  };
}

function writing(what: keyof typeof SAYINGS, aim: string): Contest {
  const saying = SAYINGS[what]!;
  const peers = Object.keys(PEERS).map((name) => [name, theirWriter(name, saying)]);
  return {
    work: `encode ${what}`,
    units: BATCH,
    aim,
    contestants: {
      ...Object.fromEntries(peers),
      // Nobody else copies a block.
      ...(what === "piece" && { memcpy: copier(Array.from({ length: BATCH }, () => block)) }),
      [OURS]: ourWriter(saying),
      ...(what !== "piece" && { [`${OURS}, into a buffer`]: ourCodec(saying) }),
    },
  };
}

/** Messages per second. */
export const CONTESTS: readonly Contest[] = [
  reading("pieces of 16 KiB", pieces(2048), 65536, "≥ 5 ×"),
  reading("pieces of 16 KiB", pieces(2048), 1460, "≥ 10 ×"),
  reading("have and request", small(160_000), 65536, "≥ 5 ×"),
  reading("have and request", small(160_000), 1460, ""),
  writing("have", ""),
  writing("request", "≥ 10 ×"),
  writing("piece", "≥ 3 ×"),
];
