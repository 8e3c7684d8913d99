/**
 * A peer made of bare bytes, so that it can lie: a seed of one v1 torrent that logs every request, sends at a chosen
 * rate, and commits one misdeed. It shares no code with the library.
 *
 *   deno run -A raw_peer.ts '{"listen": "10.55.0.2:6881", "infoHash": "…", "pieceLength": 65536, "path": "…", …}'
 *
 * It prints JSON lines: {"event": "request", piece, begin, length}, {"event": "sent", …}, {"event": "open"} and, when the
 * other side hangs up, {"event": "closed"}.
 */

/** What a raw peer does wrong. */
export type Misdeed =
  /** Nothing: an honest seed. */
  | "none"
  /** Flips a bit in every block. */
  | "corrupt"
  | "badProtocol"
  | "otherInfoHash"
  | "hugeMessage"
  | "wrongBitfieldLength"
  | "spareBits"
  | "haveOutOfRange"
  | "shortHave"
  | "badExtension"
  | "hugeRequest";

/** The whole configuration of a raw peer. */
export interface RawPeerOptions {
  /** `host:port` to wait at. */
  readonly listen: string;
  /** 40 hex digits. */
  readonly infoHash: string;
  readonly pieceLength: number;
  /** The single file that is shared. */
  readonly path: string;
  readonly misdeed: Misdeed;
  /** Bytes a second over all connections; unlimited if left out. */
  readonly rate?: number;
}

const MESSAGE = {
  unchoke: 1,
  interested: 2,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  extended: 20,
} as const;
/** Bit 20 from the right, BEP 10: only the peer that breaks BEP 10 says that it speaks it. */
const EXTENSION_BYTE = 0x10;

function frame(id: number, payload: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(0, 1 + payload.length);
  bytes[4] = id;
  bytes.set(payload, 5);
  return bytes;
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, index) => new DataView(bytes.buffer).setUint32(4 * index, value));
  return bytes;
}

function handshake(options: RawPeerOptions): Uint8Array<ArrayBuffer> {
  const { misdeed } = options;
  const name = misdeed === "badProtocol" ? "BitTorrent pr0tocol" : "BitTorrent protocol";
  const bytes = new Uint8Array(68);
  bytes[0] = 19;
  bytes.set(new TextEncoder().encode(name), 1);
  if (misdeed === "badExtension") bytes[25] = EXTENSION_BYTE;
  bytes.set(Uint8Array.fromHex(misdeed === "otherInfoHash" ? "5a".repeat(20) : options.infoHash), 28);
  bytes.set(new TextEncoder().encode(`-RW0001-${crypto.randomUUID().slice(0, 12)}`), 48);
  return bytes;
}

function bitfield(pieceCount: number, misdeed: Misdeed): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(pieceCount / 8) + (misdeed === "wrongBitfieldLength" ? 1 : 0)).fill(
    255,
  );
  const spare = (8 - pieceCount % 8) % 8;
  if (misdeed !== "spareBits") bytes[Math.ceil(pieceCount / 8) - 1] = 0xff << spare & 0xff;
  return bytes;
}

/** What is sent right after the handshake, misdeed included. */
function* opening(pieceCount: number, misdeed: Misdeed): Generator<Uint8Array<ArrayBuffer>> {
  yield frame(MESSAGE.bitfield, bitfield(pieceCount, misdeed));
  yield frame(MESSAGE.unchoke);
  if (misdeed === "hugeMessage") yield new Uint8Array([0x7f, 0xff, 0xff, 0xff, MESSAGE.piece]);
  if (misdeed === "haveOutOfRange") yield frame(MESSAGE.have, words(0xffff_fff0));
  if (misdeed === "shortHave") yield frame(MESSAGE.have, new Uint8Array(3));
  if (misdeed === "badExtension") yield frame(MESSAGE.extended, new TextEncoder().encode("\0d1:m"));
  if (misdeed === "hugeRequest") {
    yield frame(MESSAGE.interested);
    yield frame(MESSAGE.request, words(0, 0, 0x7fff_ffff));
  }
}

/** Lets so many bytes a second through, all callers together. */
class Throttle {
  readonly #rate: number | undefined;
  #freeAt = 0;

  constructor(rate: number | undefined) {
    this.#rate = rate;
  }

  async pass(length: number): Promise<void> {
    if (this.#rate === undefined) return;
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + 1000 * length / this.#rate;
    if (this.#freeAt > now) await new Promise((resolve) => setTimeout(resolve, this.#freeAt - now));
  }
}

function say(event: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ event, ...fields }));
}

/** Reads exactly so many bytes, or nothing if the other side hung up before. */
async function readExactly(
  connection: Deno.Conn,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const count = await connection.read(bytes.subarray(filled));
    if (count === null) return undefined;
    filled += count;
  }
  return bytes;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** One connection to us, served until it ends. */
async function serve(connection: Deno.Conn, options: RawPeerOptions, data: Uint8Array, throttle: Throttle) {
  if (await readExactly(connection, 68) === undefined) return;
  await writeAll(connection, handshake(options));
  say("open", { remote: (connection.remoteAddr as Deno.NetAddr).hostname });
  for (const bytes of opening(Math.ceil(data.length / options.pieceLength), options.misdeed)) {
    await writeAll(connection, bytes);
  }
  while (true) {
    const prefix = await readExactly(connection, 4);
    if (prefix === undefined) return;
    const payload = await readExactly(connection, new DataView(prefix.buffer).getUint32(0));
    if (payload === undefined) return;
    if (payload[0] === MESSAGE.request) await answer(connection, payload, options, data, throttle);
  }
}

async function answer(
  connection: Deno.Conn,
  payload: Uint8Array<ArrayBuffer>,
  options: RawPeerOptions,
  data: Uint8Array,
  throttle: Throttle,
): Promise<void> {
  const view = new DataView(payload.buffer);
  const [piece, begin, length] = [view.getUint32(1), view.getUint32(5), view.getUint32(9)];
  say("request", { piece, begin, length });
  await throttle.pass(length);
  const start = piece * options.pieceLength + begin;
  const block = data.slice(start, start + length);
  if (options.misdeed === "corrupt") block[0] = block[0]! ^ 1;
  await writeAll(connection, frame(MESSAGE.piece, new Uint8Array([...words(piece, begin), ...block])));
  say("sent", { piece, begin, length });
}

/** Runs a raw peer for as long as nobody stops it. */
async function listen(options: RawPeerOptions): Promise<void> {
  const data = await Deno.readFile(options.path);
  const throttle = new Throttle(options.rate);
  const [hostname = "", port] = options.listen.split(":");
  for await (const connection of Deno.listen({ hostname, port: Number(port) })) {
    serve(connection, options, data, throttle)
      .catch((error: Error) => say("broken", { message: error.message }))
      .finally(() => {
        say("closed");
        connection.close();
      });
  }
}

if (import.meta.main) await listen(JSON.parse(Deno.args[0] ?? "{}"));
