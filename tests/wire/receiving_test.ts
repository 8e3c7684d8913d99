import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeUtf8, encodeUtf8 } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import { type CustomCodec, customExtension } from "../../src/wire/extensions.ts";
import { encodeMessage, encodeMessages } from "../../src/wire/messages/encode_message.ts";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import type { CloseReason, ConnectionEffect } from "../../src/wire/vocabulary.ts";
import { hear, opened } from "./talk.ts";

const message = (message: PeerMessage) => ({ type: "message", message }) as const;
const close = (reason: CloseReason): ConnectionEffect[] => [{ type: "close", reason }];
const range = { begin: 0, length: 16384 };

Deno.test("Connection closes for a piece index that does not exist, whichever message has it", () => {
  const speakers: ((piece: number) => PeerMessage)[] = [
    (piece) => ({ type: "have", piece }),
    (piece) => ({ type: "request", piece, ...range }),
    (piece) => ({ type: "piece", piece, begin: 0, block: new Uint8Array(1) }),
    (piece) => ({ type: "cancel", piece, ...range }),
    (piece) => ({ type: "suggest", piece }),
    (piece) => ({ type: "reject", piece, ...range }),
    (piece) => ({ type: "allowedFast", piece }),
  ];
  for (const speak of speakers) {
    for (const piece of [100, 0xffffffff]) {
      const connection = opened(["fast"]);
      hear(connection, encodeMessage({ type: "haveAll" }));
      assertEquals(hear(connection, encodeMessage(speak(99))), [message(speak(99))]);
      assertEquals(hear(connection, encodeMessage(speak(piece))), close("piece index out of range"));
    }
  }
});

Deno.test("Connection closes for a request of no bytes or of more than 16 KiB", () => {
  for (const length of [0, 16385, 0xffffffff]) {
    const request = encodeMessage({ type: "request", piece: 0, begin: 0, length });
    assertEquals(hear(opened(), request), close("request of a length out of range"));
  }
});

Deno.test("Connection closes for a bitfield of another length or with spare bits set", () => {
  const wrong = [
    new Uint8Array(),
    new Uint8Array(12),
    new Uint8Array(14),
    Uint8Array.of(...Array(12).fill(0), 1),
  ];
  for (const bits of wrong) {
    const effects = hear(opened(), encodeMessage({ type: "bitfield", bits }));
    assertEquals(effects, close("bitfield of another length"));
  }
  for (const pieceCount of [1, 7, 8, 9, 16]) {
    const bits = new Uint8Array(Math.ceil(pieceCount / 8)).fill(0xff);
    const spare = bits.length * 8 - pieceCount;
    bits[bits.length - 1] = 0xff << spare;
    const effects = hear(opened([], { pieceCount }), encodeMessage({ type: "bitfield", bits }));
    assertEquals(effects, [message({ type: "bitfield", bits })]);
  }
});

Deno.test("Connection holds messages back until the piece count is known, and keeps their order", () => {
  const connection = opened(["fast"], {});
  const talk: PeerMessage[] = [
    { type: "bitfield", bits: Uint8Array.of(0xf0) },
    { type: "unchoke" },
    { type: "have", piece: 4 },
    { type: "allowedFast", piece: 1 },
    { type: "choke" },
  ];
  const bytes = encodeMessages(talk);
  assertEquals(connection.handle({ type: "bytes", bytes }, 0), []);
  bytes.fill(0xee); // what waits must not live in the caller's buffer
  assertEquals(connection.handle({ type: "pieceCount", pieceCount: 5 }, 0), talk.map(message));
  assertEquals(hear(connection, encodeMessage({ type: "have", piece: 3 })), [
    message({ type: "have", piece: 3 }),
  ]);
});

Deno.test("Connection checks what waited as soon as it can", () => {
  const connection = opened([], {});
  hear(connection, encodeMessages([{ type: "unchoke" }, { type: "have", piece: 5 }, { type: "choke" }]));
  assertEquals(connection.handle({ type: "pieceCount", pieceCount: 5 }, 0), [
    message({ type: "unchoke" }),
    ...close("piece index out of range"),
  ]);
  const other = opened([], {});
  hear(other, encodeMessage({ type: "bitfield", bits: new Uint8Array(2) }));
  assertEquals(
    other.handle({ type: "pieceCount", pieceCount: 8 }, 0),
    close("bitfield of another length"),
  );
});

Deno.test("Connection lets only so many messages wait", () => {
  const connection = opened([], { limits: { maxWaitingLength: 20 } });
  const have = encodeMessage({ type: "have", piece: 0 });
  assertEquals(hear(connection, have, have), []);
  assertEquals(hear(connection, have), close("too many messages before the metadata"));
});

Deno.test("Connection refuses a piece count that is none", () => {
  for (const pieceCount of [0, -1, 1.5, NaN]) {
    assertThrows(() => opened([], {}).handle({ type: "pieceCount", pieceCount }, 0), RangeError);
  }
});

const extended = (id: number, payload: Uint8Array) => encodeMessage({ type: "extended", id, payload });

Deno.test("Connection gives out extension messages before the metadata, but lets dontHave wait behind have", () => {
  const connection = opened(["extended"], { extensions: ["ut_metadata", "lt_donthave"] });
  assertEquals(hear(connection, extended(1, encodeUtf8("d8:msg_typei0e5:piecei0ee"))), [
    { type: "extension", message: { type: "metadataRequest", piece: 0 } },
  ]);
  assertEquals(hear(connection, encodeMessage({ type: "have", piece: 2 })), []);
  assertEquals(hear(connection, extended(2, Uint8Array.of(0, 0, 0, 2))), []);
  assertEquals(connection.handle({ type: "pieceCount", pieceCount: 3 }, 0), [
    message({ type: "have", piece: 2 }),
    { type: "extension", message: { type: "dontHave", piece: 2 } },
  ]);
  assertEquals(hear(connection, extended(2, Uint8Array.of(0, 0, 0, 3))), close("piece index out of range"));
});

Deno.test("Connection closes for a broken extension payload, and says why", () => {
  for (const id of [0, 1, 2]) {
    const connection = opened(["extended"], { pieceCount: 1, extensions: ["ut_pex", "ut_metadata"] });
    const [effect] = hear(connection, extended(id, encodeUtf8("x")));
    assert(effect?.type === "close");
    assertEquals(effect.reason, "malformed extension message");
    assert(effect.error instanceof DecodeError);
  }
});

Deno.test("Connection ignores extension ids it never gave, and all extensions if they were not negotiated", () => {
  const connection = opened(["extended"], { pieceCount: 1, extensions: ["ut_pex"] });
  assertEquals(hear(connection, extended(2, encodeUtf8("x"))), []);
  assertEquals(hear(opened([], { pieceCount: 1, extensions: ["ut_pex"] }), extended(1, encodeUtf8("x"))), []);
});

Deno.test("Connection ignores messages that nobody knows", () => {
  const unknown = Uint8Array.of(0, 0, 0, 4, 99, 1, 2, 3);
  assertEquals(hear(opened(), unknown, encodeMessage({ type: "choke" })), [message({ type: "choke" })]);
});

Deno.test("Connection speaks an extension of the caller's own", () => {
  const chat: CustomCodec<string> = { encode: encodeUtf8, decode: decodeUtf8 };
  const connection = opened(["extended"], { pieceCount: 1, extensions: [customExtension("nb_chat", chat)] });
  hear(connection, extended(0, encodeUtf8("d1:md7:nb_chati9eee")));
  assertEquals(hear(connection, extended(1, encodeUtf8("hi"))), [
    { type: "extension", message: { type: "custom", extension: "nb_chat", value: "hi" } },
  ]);
  const answer = { type: "custom", extension: "nb_chat", value: "ho" } as const;
  assertEquals(connection.handle({ type: "sendExtension", message: answer }, 0), [
    { type: "write", bytes: extended(9, encodeUtf8("ho")) },
  ]);
});

Deno.test("Connection lets a fault in the caller's own codec through: it is no fault of the peer", () => {
  const broken: CustomCodec<string> = {
    encode: encodeUtf8,
    decode() {
      throw new TypeError("a fault in the caller's code");
    },
  };
  const connection = opened(["extended"], {
    pieceCount: 1,
    extensions: [customExtension("nb_chat", broken)],
  });
  assertThrows(() => hear(connection, extended(1, encodeUtf8("hi"))), TypeError);
});
