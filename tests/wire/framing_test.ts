import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { decodeHex } from "../../src/bytes/text.ts";
import type { Connection, ConnectionEffect } from "../../src/wire/connection.ts";
import { encodeExtensionHandshake } from "../../src/wire/messages/extension.ts";
import { encodeMessage, encodeMessages } from "../../src/wire/messages/encode_message.ts";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import { hear, incoming, INFO_HASH, opened, theirHandshake } from "./talk.ts";

const PIECES = 100;
const range = { piece: 3, begin: 16384, length: 16384 };
const hashRange = {
  piecesRoot: new Uint8Array(32).fill(9),
  baseLayer: 0,
  index: 0,
  length: 2,
  proofLayers: 0,
};

/** What a lively peer says after its handshake: every message once, keep-alives, an id that nobody knows. */
const TALK: readonly PeerMessage[] = [
  {
    type: "extended",
    id: 0,
    payload: encodeExtensionHandshake({ ids: new Map([["ut_pex", 3]]), client: "x" }),
  },
  { type: "bitfield", bits: new Uint8Array(13).fill(0xf0) },
  { type: "keepAlive" },
  { type: "port", port: 6881 },
  { type: "unchoke" },
  { type: "interested" },
  { type: "have", piece: 5 },
  { type: "request", ...range },
  { type: "piece", piece: 3, begin: 16384, block: Uint8Array.from({ length: 70 }, (_, i) => i) },
  { type: "cancel", ...range },
  { type: "suggest", piece: 6 },
  { type: "reject", ...range },
  { type: "allowedFast", piece: 7 },
  { type: "extended", id: 1, payload: decodeHex("00000008") },
  { type: "hashRequest", ...hashRange },
  { type: "hashes", ...hashRange, hashes: new Uint8Array(96) },
  { type: "hashReject", ...hashRange },
  { type: "notInterested" },
  { type: "choke" },
];
const STREAM = concat([
  theirHandshake(["fast", "extended", "dht"]),
  encodeMessages(TALK.slice(0, 9)),
  decodeHex("0000000363abcd"),
  encodeMessages(TALK.slice(9)),
]);

function accepting(): Connection {
  return incoming({ features: { fast: true, extended: true, dht: true } });
}

/** An effect, or a close with the text of its error. */
type Heard = ConnectionEffect | { readonly type: "close"; readonly reason: string; readonly why: string };

/** All that comes out when the stream comes in these parts; copied, since views die with the next bytes. */
function listen(parts: Iterable<Uint8Array>): Heard[] {
  const connection = accepting(), all: Heard[] = [];
  const take = (effects: readonly ConnectionEffect[]) => {
    for (const effect of effects) {
      if (effect.type === "close" && effect.error) {
        all.push({ type: "close", reason: effect.reason, why: effect.error.message });
      } else all.push(structuredClone(effect));
      if (effect.type !== "infoHash") continue;
      take(connection.handle({
        type: "accept",
        infoHash: INFO_HASH,
        pieceCount: PIECES,
        extensions: ["lt_donthave"],
      }, 0));
    }
  };
  for (const part of parts) {
    const bytes = part.slice();
    take(connection.handle({ type: "bytes", bytes }, 0));
    bytes.fill(0xee); // the caller's buffer is used again
  }
  return all;
}

function* cutAt(bytes: Uint8Array, ends: readonly number[]): Generator<Uint8Array> {
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

Deno.test("Connection gives out every message of a stream", () => {
  const effects = listen([STREAM]);
  const messages = effects.flatMap((effect) => effect.type === "message" ? [effect.message] : []);
  const expected = TALK.filter(({ type }) => type !== "extended" && type !== "keepAlive");
  assertEquals(messages, expected);
  const extensions = effects.flatMap((effect) => effect.type === "extension" ? [effect.message.type] : []);
  assertEquals(extensions, ["extensionHandshake", "dontHave"]);
  assertEquals(effects.some(({ type }) => type === "close"), false);
});

Deno.test("Connection answers the same wherever the stream is cut once", () => {
  const whole = listen([STREAM]);
  for (let cut = 0; cut <= STREAM.length; cut++) {
    assertEquals(listen(cutAt(STREAM, [cut])), whole, `cut at ${cut}`);
  }
});

Deno.test("Connection answers the same for single bytes and for any cuts", () => {
  const whole = listen([STREAM]);
  assertEquals(listen(cutAt(STREAM, Array.from(STREAM, (_, i) => i))), whole);
  const ends = fc.array(fc.nat(STREAM.length), { maxLength: 30 }).map((ends) => ends.sort((a, b) => a - b));
  fc.assert(fc.property(ends, (ends) => assertEquals(listen(cutAt(STREAM, ends)), whole)));
});

Deno.test("Connection answers broken streams the same wherever they are cut, ends with one close, and never throws", () => {
  const change = fc.tuple(fc.nat(STREAM.length - 1), fc.nat(255));
  const ends = fc.array(fc.nat(STREAM.length), { maxLength: 8 }).map((ends) => ends.sort((a, b) => a - b));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), ends, (changes, ends) => {
      const broken = STREAM.slice();
      for (const [at, byte] of changes) broken[at] = byte;
      const whole = listen([broken]);
      assertEquals(listen(cutAt(broken, ends)), whole);
      const closes = whole.filter(({ type }) => type === "close").length;
      assert(closes === 0 || (closes === 1 && whole.at(-1)!.type === "close"));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Connection takes random bytes behind a handshake without throwing", () => {
  const frame = fc.tuple(fc.nat(30), fc.uint8Array({ maxLength: 60 })).map(([id, body]) => {
    const bytes = new Uint8Array(5 + body.length);
    new DataView(bytes.buffer).setUint32(0, 1 + body.length);
    bytes[4] = id;
    bytes.set(body, 5);
    return bytes;
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(frame, fc.uint8Array({ maxLength: 9 })), { maxLength: 12 }), (frames) => {
      const connection = opened(["fast", "extended"], {
        pieceCount: PIECES,
        extensions: ["ut_pex", "ut_metadata"],
      });
      for (const frame of frames) {
        const last = hear(connection, frame).at(-1);
        if (last?.type === "close") assertEquals(connection.deadline(), undefined);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Connection hands out a block where it lies", () => {
  const connection = opened();
  hear(connection, encodeMessage({ type: "choke" }));
  const bytes = encodeMessage({ type: "piece", piece: 1, begin: 0, block: new Uint8Array(16384) });
  const [effect] = connection.handle({ type: "bytes", bytes }, 0);
  assert(effect?.type === "message" && effect.message.type === "piece");
  assertEquals(effect.message.block.buffer, bytes.buffer);
});

Deno.test("Connection keeps a straddling block whole while the next one starts in the same read", () => {
  const connection = opened();
  hear(connection, encodeMessage({ type: "choke" }));
  const block = (byte: number) => new Uint8Array(16384).fill(byte);
  const stream = encodeMessages(
    [1, 2, 3].map((i) => ({ type: "piece", piece: i, begin: 0, block: block(i) })),
  );
  const length = stream.length / 3;
  hear(connection, stream.subarray(0, length - 100));
  for (const [piece, end] of [[1, 2 * length - 50], [2, 3 * length - 1], [3, 3 * length]] as const) {
    const start = piece === 1 ? length - 100 : piece === 2 ? 2 * length - 50 : 3 * length - 1;
    const [effect] = hear(connection, stream.subarray(start, end));
    assert(effect?.type === "message" && effect.message.type === "piece");
    assertEquals(effect.message.piece, piece);
    assertEquals(effect.message.block, block(piece));
  }
});

Deno.test("Connection closes for a message longer than the cap before the message comes", () => {
  const close = [{ type: "close", reason: "message too long" }] as const;
  assertEquals(hear(opened(), decodeHex("00100001")), close);
  assertEquals(hear(opened(), decodeHex("ffffffff")), close);
  const slow = opened();
  assertEquals(hear(slow, decodeHex("ffffff")), []);
  assertEquals(hear(slow, decodeHex("ff")), close);
  assertEquals(hear(opened(), decodeHex("00100000")), []);
});

Deno.test("Connection closes for a block longer than the cap before the block comes", () => {
  const close = [{ type: "close", reason: "block too long" }] as const;
  assertEquals(hear(opened(), decodeHex("0000400a07")), close);
  const slow = opened();
  assertEquals(hear(slow, decodeHex("0000400a")), []);
  assertEquals(hear(slow, decodeHex("07")), close);
  assertEquals(hear(opened(), decodeHex("0000400907")), []);
});

Deno.test("Connection closes for a message whose length does not fit its id, and says which", () => {
  const [effect] = hear(opened(), decodeHex("000000020000"));
  assert(effect?.type === "close");
  assertEquals(effect.reason, "malformed message");
  assertInstanceOf(effect.error, Error);
  assertEquals(effect.error.message, "Cannot decode choke: expected 1 bytes, got 2");
});

Deno.test("Connection takes empty reads", () => {
  const connection = opened();
  assertEquals(hear(connection, new Uint8Array()), []);
  assertEquals(hear(connection, decodeHex("0000")), []);
  assertEquals(hear(connection, new Uint8Array()), []);
  assertEquals(hear(connection, decodeHex("000102")), [{ type: "message", message: { type: "interested" } }]);
});
