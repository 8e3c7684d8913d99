import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeUtf8, encodeUtf8 } from "../../src/bytes/text.ts";
import { StateError } from "../../src/errors.ts";
import { customExtension } from "../../src/wire/extensions.ts";
import { encodeMessage, encodeMessages } from "../../src/wire/messages/encode_message.ts";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import { hear, incoming, opened, outgoing, theirHandshake } from "./talk.ts";

const request: PeerMessage = { type: "request", piece: 1, begin: 0, length: 16384 };

Deno.test("Connection writes a message that is to be sent", () => {
  const effects = opened().handle({ type: "send", message: request }, 0);
  assertEquals(effects, [{ type: "write", bytes: encodeMessage(request) }]);
});

Deno.test("Connection writes the block of a piece without a copy", () => {
  const block = new Uint8Array(16384).fill(7);
  const effects = opened().handle({ type: "send", message: { type: "piece", piece: 1, begin: 2, block } }, 0);
  const header = encodeMessage({ type: "piece", piece: 1, begin: 2, block }).subarray(0, 13);
  assertEquals(effects, [{ type: "write", bytes: header }, { type: "write", bytes: block }]);
  assertStrictEquals(effects[1]?.type === "write" && effects[1].bytes, block);
});

Deno.test("Connection writes many messages at once", () => {
  const messages: PeerMessage[] = [
    { type: "bitfield", bits: new Uint8Array(13) },
    { type: "unchoke" },
    request,
  ];
  const connection = opened();
  assertEquals(connection.handle({ type: "sendAll", messages }, 0), [
    { type: "write", bytes: encodeMessages(messages) },
  ]);
  assertEquals(connection.handle({ type: "sendAll", messages: [] }, 0), []);
});

Deno.test("Connection writes nothing of many messages if one is out of turn, and stays as it was", () => {
  const connection = opened(), bitfield: PeerMessage = { type: "bitfield", bits: new Uint8Array(13) };
  const sendAll = () => connection.handle({ type: "sendAll", messages: [request, bitfield] }, 0);
  assertThrows(sendAll, StateError, "bitfield too late");
  assertEquals(connection.handle({ type: "send", message: bitfield }, 0).length, 1);
});

Deno.test("Connection gives every write bytes of its own", () => {
  const connection = opened(), writes: Uint8Array[] = [];
  for (let piece = 0; piece < 1000; piece++) {
    for (const effect of connection.handle({ type: "send", message: { type: "have", piece } }, 0)) {
      if (effect.type === "write") writes.push(effect.bytes);
    }
  }
  writes.forEach((bytes, piece) => assertEquals(bytes, encodeMessage({ type: "have", piece })));
  assertEquals(writes.length, 1000);
});

Deno.test("Connection refuses to send before the handshakes are exchanged", () => {
  const accepted = incoming();
  hear(accepted, theirHandshake().subarray(0, 48));
  for (const connection of [outgoing(), incoming(), accepted]) {
    assertThrows(() => connection.handle({ type: "send", message: request }, 0), StateError);
    assertThrows(() => connection.handle({ type: "sendAll", messages: [] }, 0), StateError);
    const message = { type: "dontHave", piece: 1 } as const;
    assertThrows(() => connection.handle({ type: "sendExtension", message }, 0), StateError);
  }
});

Deno.test("Connection sends no extension message before the peer's extension handshake", () => {
  const connection = opened(["extended"]), message = { type: "dontHave", piece: 1 } as const;
  assertEquals(connection.understands("lt_donthave"), false);
  assertEquals(connection.handle({ type: "sendExtension", message }, 0), []);
  const hello = encodeUtf8("d1:md11:lt_donthavei5eee");
  hear(connection, encodeMessage({ type: "extended", id: 0, payload: hello }));
  assertEquals(connection.handle({ type: "sendExtension", message }, 0), [
    { type: "write", bytes: encodeMessage({ type: "extended", id: 5, payload: Uint8Array.of(0, 0, 0, 1) }) },
  ]);
});

Deno.test("Connection sends later extension handshakes, and nothing of the kind to a peer without BEP 10", () => {
  const message = { type: "extensionHandshake", uploadOnly: true } as const;
  assertEquals(opened(["extended"]).handle({ type: "sendExtension", message }, 0), [{
    type: "write",
    bytes: encodeMessage({ type: "extended", id: 0, payload: encodeUtf8("d1:mde11:upload_onlyi1ee") }),
  }]);
  assertEquals(opened().handle({ type: "sendExtension", message }, 0), []);
  const raw: PeerMessage = { type: "extended", id: 1, payload: new Uint8Array() };
  assertThrows(() => opened().handle({ type: "send", message: raw }, 0), StateError, "extended");
});

Deno.test("Connection offers one more extension in a later handshake, once, and only after BEP 10 was negotiated", () => {
  const extension = customExtension("nb_chat", { encode: encodeUtf8, decode: decodeUtf8 });
  const talk = opened(["extended"], { pieceCount: 1, extensions: ["ut_pex"] });
  assertEquals(talk.handle({ type: "extend", extension }, 0), [{
    type: "write",
    bytes: encodeMessage({ type: "extended", id: 0, payload: encodeUtf8("d1:md7:nb_chati2eee") }),
  }]);
  assertEquals(talk.handle({ type: "extend", extension }, 0), []);
  assertEquals(hear(talk, encodeMessage({ type: "extended", id: 2, payload: encodeUtf8("hi") })), [
    { type: "extension", message: { type: "custom", extension: "nb_chat", value: "hi" } },
  ]);
  assertEquals(opened().handle({ type: "extend", extension }, 0), []);
  assertThrows(() => outgoing().handle({ type: "extend", extension }, 0), StateError);
});

Deno.test("Connection throws RangeError for what cannot be encoded", () => {
  assertThrows(() => opened().handle({ type: "send", message: { type: "have", piece: -1 } }, 0), RangeError);
});
