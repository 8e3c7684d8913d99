import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import { decodeMessage } from "../../../src/wire/messages/decode_message.ts";
import {
  encodeMessage,
  encodeMessageInto,
  encodeMessages,
  encodePieceHeader,
  messageLength,
} from "../../../src/wire/messages/encode_message.ts";
import {
  MESSAGE_IDS,
  MESSAGE_LENGTHS,
  messageTypeOf,
  type NumberedType,
  OPEN_ENDED,
  type PeerMessage,
  PIECE_HEADER_LENGTH,
  PREFIX_LENGTH,
} from "../../../src/wire/messages/message.ts";
import { anyMessage, MESSAGES } from "../arbitrary.ts";

const root = "ab".repeat(32);
const hashRange = {
  piecesRoot: decodeHex(root),
  baseLayer: 1,
  index: 512,
  length: 256,
  proofLayers: 9,
};
const hashRangeHex = `${root}00000001000002000000010000000009`;

const EXAMPLES: readonly [hex: string, message: PeerMessage][] = [
  ["00000000", { type: "keepAlive" }],
  ["0000000100", { type: "choke" }],
  ["0000000101", { type: "unchoke" }],
  ["0000000102", { type: "interested" }],
  ["0000000103", { type: "notInterested" }],
  ["0000000504fffffffe", { type: "have", piece: 0xfffffffe }],
  ["0000000305ff80", { type: "bitfield", bits: decodeHex("ff80") }],
  ["0000000d06000000020000400000004000", { type: "request", piece: 2, begin: 16384, length: 16384 }],
  ["0000000c070000000300008000aabbcc", {
    type: "piece",
    piece: 3,
    begin: 32768,
    block: decodeHex("aabbcc"),
  }],
  ["0000000d08000000020000400000004000", { type: "cancel", piece: 2, begin: 16384, length: 16384 }],
  ["00000003091ae1", { type: "port", port: 6881 }],
  ["000000050d00000007", { type: "suggest", piece: 7 }],
  ["000000010e", { type: "haveAll" }],
  ["000000010f", { type: "haveNone" }],
  ["0000000d10000000020000400000004000", { type: "reject", piece: 2, begin: 16384, length: 16384 }],
  ["000000051100000423", { type: "allowedFast", piece: 1059 }],
  ["000000041400" + "6465", { type: "extended", id: 0, payload: decodeHex("6465") }],
  ["0000003115" + hashRangeHex, { type: "hashRequest", ...hashRange }],
  ["0000003316" + hashRangeHex + "cdef", { type: "hashes", ...hashRange, hashes: decodeHex("cdef") }],
  ["0000003117" + hashRangeHex, { type: "hashReject", ...hashRange }],
];

Deno.test("encodeMessage() writes every message of BEP 3, 5, 6, 10 and 52", () => {
  for (const [hex, message] of EXAMPLES) assertEquals(encodeHex(encodeMessage(message)), hex, message.type);
  assertEquals(new Set(EXAMPLES.map(([, { type }]) => type)).size, Object.keys(MESSAGE_IDS).length + 1);
});

Deno.test("decodeMessage() reads every message of BEP 3, 5, 6, 10 and 52", () => {
  for (const [hex, message] of EXAMPLES) {
    assertEquals(decodeMessage(decodeHex(hex).subarray(PREFIX_LENGTH)), message);
  }
});

Deno.test("decodeMessage() undoes encodeMessage()", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    const bytes = encodeMessage(message);
    assertEquals(new DataView(bytes.buffer).getUint32(0), bytes.length - PREFIX_LENGTH);
    assertEquals(messageLength(message), bytes.length);
    assertEquals(decodeMessage(bytes.subarray(PREFIX_LENGTH)), message);
  }));
});

Deno.test("decodeMessage() refuses every length but the right one", () => {
  for (const [name, length] of Object.entries(MESSAGE_LENGTHS)) {
    const type = name as NumberedType;
    for (let wrong = 1; wrong < length + 3; wrong++) {
      if (wrong === length || (wrong > length && OPEN_ENDED.has(type))) continue;
      const bytes = new Uint8Array(wrong);
      bytes[0] = MESSAGE_IDS[type];
      assertThrows(() => decodeMessage(bytes), DecodeError, `Cannot decode ${type}`);
    }
  }
});

Deno.test("decodeMessage() refuses every cut of a message of fixed length", () => {
  for (const [type, message] of Object.entries(MESSAGES)) {
    if (OPEN_ENDED.has(type as NumberedType)) continue;
    fc.assert(
      fc.property(message, (message) => {
        const bytes = encodeMessage(message).subarray(PREFIX_LENGTH);
        for (let end = 1; end < bytes.length; end++) {
          assertThrows(() => decodeMessage(bytes.subarray(0, end)), DecodeError);
        }
      }),
      { numRuns: 5 },
    );
  }
});

Deno.test("decodeMessage() answers undefined for ids that nobody knows", () => {
  for (let id = 0; id < 256; id++) {
    if (messageTypeOf(id) === undefined) assertEquals(decodeMessage(Uint8Array.of(id, 1, 2, 3)), undefined);
  }
  assertEquals(messageTypeOf(10), undefined);
  assertEquals(messageTypeOf(17), "allowedFast");
});

Deno.test("decodeMessage() throws nothing but DecodeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 24 }), (bytes, id) => {
      if (bytes.length > 0) bytes[0] = id;
      try {
        const message = decodeMessage(bytes);
        if (message !== undefined) {
          assertEquals(encodeMessage(message).subarray(PREFIX_LENGTH), bytes);
        }
      } catch (error) {
        assertInstanceOf(error, DecodeError);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("decodeMessage() gives content as views of its input", () => {
  const bytes = encodeMessage({ type: "piece", piece: 1, begin: 2, block: Uint8Array.of(7, 8) });
  const message = decodeMessage(bytes.subarray(PREFIX_LENGTH));
  assertEquals(message?.type === "piece" && message.block.buffer === bytes.buffer, true);
});

Deno.test("encodeMessages() writes messages one behind the other", () => {
  fc.assert(fc.property(fc.array(anyMessage), (messages) => {
    const joined = encodeHex(encodeMessages(messages));
    assertEquals(joined, messages.map((message) => encodeHex(encodeMessage(message))).join(""));
  }));
});

Deno.test("encodeMessageInto() writes in place and answers the end", () => {
  fc.assert(fc.property(anyMessage, fc.integer({ min: 0, max: 9 }), (message, offset) => {
    const expected = encodeMessage(message), bytes = new Uint8Array(offset + expected.length + 3).fill(0x55);
    assertEquals(encodeMessageInto(message, bytes, offset), offset + expected.length);
    assertEquals(bytes.subarray(offset, offset + expected.length), expected);
    assertEquals(bytes.subarray(0, offset).every((byte) => byte === 0x55), true);
    assertEquals(bytes.subarray(offset + expected.length).every((byte) => byte === 0x55), true);
  }));
});

Deno.test("encodePieceHeader() writes what stands before a block", () => {
  const block = Uint8Array.of(1, 2, 3), bytes = new Uint8Array(2 + PIECE_HEADER_LENGTH + 3);
  const end = encodePieceHeader({ piece: 5, begin: 6, length: 3 }, bytes, 2);
  assertEquals(end, 2 + PIECE_HEADER_LENGTH);
  bytes.set(block, end);
  assertEquals(bytes.subarray(2), encodeMessage({ type: "piece", piece: 5, begin: 6, block }));
});

Deno.test("encodeMessage() refuses numbers that do not fit", () => {
  assertThrows(() => encodeMessage({ type: "have", piece: 2 ** 32 }), RangeError);
  assertThrows(() => encodeMessage({ type: "have", piece: -1 }), RangeError);
  assertThrows(() => encodeMessage({ type: "request", piece: 0, begin: 0.5, length: 1 }), RangeError);
  assertThrows(() => encodeMessage({ type: "port", port: 65536 }), RangeError);
  const short = { ...hashRange, piecesRoot: new Uint8Array(31) };
  assertThrows(() => encodeMessage({ type: "hashRequest", ...short }), RangeError);
});
