import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { StateError } from "../../src/errors.ts";
import { encodeExtensionHandshake } from "../../src/wire/messages/extension.ts";
import { encodeMessage } from "../../src/wire/messages/encode_message.ts";
import {
  decodeHandshake,
  encodeHandshake,
  encodeReserved,
  HANDSHAKE_LENGTH,
  HANDSHAKE_PREFIX_LENGTH,
} from "../../src/wire/messages/handshake.ts";
import type { CloseReason } from "../../src/wire/vocabulary.ts";
import {
  hear,
  incoming,
  INFO_HASH,
  opened,
  OUR_ID,
  outgoing,
  Pair,
  said,
  THEIR_ID,
  theirHandshake,
  written,
} from "./talk.ts";

const UPGRADED = new Uint8Array(20).fill(0x22);
const introduction = (ids: Record<string, number>) =>
  encodeMessage({
    type: "extended",
    id: 0,
    payload: encodeExtensionHandshake({ ids: new Map(Object.entries(ids)) }),
  });

Deno.test("Connection writes the handshake of an outgoing connection with the first tick, which is due at once", () => {
  const connection = outgoing({ features: { dht: true } });
  assertEquals(connection.deadline(), 0);
  assertEquals(connection.handle({ type: "tick" }, 0), [{
    type: "write",
    bytes: encodeHandshake({
      reserved: encodeReserved(["fast", "extended", "dht"]),
      infoHash: INFO_HASH,
      peerId: OUR_ID,
    }),
  }]);
  assertEquals(connection.handle({ type: "tick" }, 1), []);
});

Deno.test("Connection offers what its features say", () => {
  const connection = outgoing({ features: { fast: false, extended: false, v2: true } });
  const { reserved } = decodeHandshake(written(connection.handle({ type: "tick" }, 0)));
  assertEquals(reserved, encodeReserved(["v2"]));
});

Deno.test("Connection opens an outgoing connection after the peer's 68 bytes", () => {
  const connection = outgoing();
  connection.handle({ type: "tick" }, 0);
  const handshake = theirHandshake();
  assertEquals(hear(connection, handshake.subarray(0, 67)), []);
  assertEquals(hear(connection, handshake.subarray(67)), [{
    type: "open",
    peerId: THEIR_ID,
    infoHash: INFO_HASH,
    fast: false,
    extended: false,
    dht: false,
    reserved: new Uint8Array(8),
  }]);
  assertEquals(connection.phase, "opening");
});

Deno.test("Connection writes its handshake first if the peer speaks before the first tick", () => {
  const connection = outgoing();
  const effects = hear(connection, theirHandshake(["extended"]));
  assertEquals(effects.map(({ type }) => type), ["write", "write", "open"]);
  assertEquals(written(effects.slice(0, 1)).length, HANDSHAKE_LENGTH);
});

Deno.test("Connection speaks only what both sides offer", () => {
  for (const feature of ["fast", "extended", "dht"] as const) {
    for (const ours of [false, true]) {
      for (const theirs of [false, true]) {
        const connection = outgoing({
          features: { fast: false, extended: false, dht: false, [feature]: ours },
        });
        const open = said(hear(connection, theirHandshake(theirs ? [feature] : [])))[0];
        assertEquals(open?.type === "open" && open[feature], ours && theirs, feature);
      }
    }
  }
});

Deno.test("Connection sends its extension handshake right behind the handshake, if both sides speak BEP 10", () => {
  const options = { extensions: ["ut_metadata", "ut_pex"] as const };
  const connection = outgoing(options);
  connection.handle({ type: "tick" }, 0);
  const expected = introduction({ ut_metadata: 1, ut_pex: 2 });
  assertEquals(written(hear(connection, theirHandshake(["extended"]))), expected);

  const plain = outgoing(options);
  plain.handle({ type: "tick" }, 0);
  assertEquals(written(hear(plain, theirHandshake(["fast"]))), new Uint8Array());
});

Deno.test("Connection asks about the torrent of an incoming connection after 48 bytes, and answers without the peer id", () => {
  const connection = incoming(), handshake = theirHandshake(["fast"]);
  assertEquals(connection.handle({ type: "tick" }, 0), []);
  assertEquals(hear(connection, handshake.subarray(0, HANDSHAKE_PREFIX_LENGTH - 1)), []);
  assertEquals(hear(connection, handshake.subarray(HANDSHAKE_PREFIX_LENGTH - 1, HANDSHAKE_PREFIX_LENGTH)), [
    { type: "infoHash", infoHash: INFO_HASH, reserved: encodeReserved(["fast"]) },
  ]);
  assertEquals(connection.phase, "awaitingAccept");
  const answer = connection.handle({ type: "accept", infoHash: INFO_HASH }, 0);
  assertEquals(decodeHandshake(written(answer)), {
    reserved: encodeReserved(["fast", "extended"]),
    infoHash: INFO_HASH,
    peerId: OUR_ID,
  });
  assertEquals(connection.phase, "awaitingPeerId");
  assertEquals(hear(connection, THEIR_ID), [{
    type: "open",
    peerId: THEIR_ID,
    infoHash: INFO_HASH,
    fast: true,
    extended: false,
    dht: false,
    reserved: encodeReserved(["fast"]),
  }]);
});

Deno.test("Connection answers an incoming connection with handshake and extension handshake in one write", () => {
  const connection = incoming();
  hear(connection, theirHandshake(["extended"]));
  const answer = connection.handle({ type: "accept", infoHash: INFO_HASH, extensions: ["ut_pex"] }, 0);
  assertEquals(answer.map(({ type }) => type), ["write", "open"]);
  assertEquals(written(answer).subarray(HANDSHAKE_LENGTH), introduction({ ut_pex: 1 }));
});

Deno.test("Connection keeps what comes before accept and goes on with it", () => {
  const connection = incoming();
  const effects = hear(
    connection,
    theirHandshake(),
    encodeMessage({ type: "bitfield", bits: new Uint8Array(2) }),
  );
  assertEquals(effects.map(({ type }) => type), ["infoHash"]);
  assertEquals(hear(connection, encodeMessage({ type: "interested" }).subarray(0, 3)), []);
  const later = connection.handle({ type: "accept", infoHash: INFO_HASH, pieceCount: 9 }, 0);
  assertEquals(later.map(({ type }) => type), ["write", "open", "message"]);
  assertEquals(hear(connection, encodeMessage({ type: "interested" }).subarray(3)), [{
    type: "message",
    message: { type: "interested" },
  }]);
});

Deno.test("Connection keeps no more than a message before accept", () => {
  const connection = incoming({ limits: { maxMessageLength: 100 } });
  hear(connection, theirHandshake());
  assertEquals(hear(connection, new Uint8Array(80)), []);
  assertEquals(hear(connection, new Uint8Array(1)), [{
    type: "close",
    reason: "too many bytes before the handshake was answered",
  }]);
});

Deno.test("Connection refuses to be accepted unasked", () => {
  const accept = { type: "accept", infoHash: INFO_HASH } as const;
  assertThrows(() => incoming().handle(accept, 0), StateError);
  assertThrows(() => opened().handle(accept, 0), StateError);
});

Deno.test("Connection closes when the peer answers about another torrent", () => {
  const connection = outgoing();
  const effects = said(hear(connection, theirHandshake([], UPGRADED)));
  assertEquals(effects, [{ type: "close", reason: "another torrent than asked for" }]);
});

Deno.test("Connection takes the v2 info hash for an answer only if it offered the upgrade", () => {
  for (const v2 of [false, true]) {
    const connection = outgoing({ upgradedInfoHash: UPGRADED, features: { v2 } });
    const effect = said(hear(connection, theirHandshake(["v2"], UPGRADED)))[0];
    assertEquals(effect?.type === "open" ? effect.infoHash : undefined, v2 ? UPGRADED : undefined);
  }
});

Deno.test("Connection may answer an incoming connection with the v2 info hash", () => {
  const pair = new Pair(
    { upgradedInfoHash: UPGRADED, features: { v2: true } },
    { infoHash: UPGRADED },
    { features: { v2: true } },
  );
  for (const side of ["a", "b"] as const) {
    const open = pair.heard[side].find(({ type }) => type === "open");
    assertEquals(open?.type === "open" && open.infoHash, UPGRADED, side);
  }
});

Deno.test("Connection closes when it meets itself", () => {
  const mirror = encodeHandshake({ reserved: new Uint8Array(8), infoHash: INFO_HASH, peerId: OUR_ID });
  assertEquals(said(hear(outgoing(), mirror)), [{ type: "close", reason: "connected to itself" }]);
});

Deno.test("Connection leaves it to the side that dialled to close when it meets itself, for a time and without a word more", () => {
  const mirror = encodeHandshake({ reserved: new Uint8Array(8), infoHash: INFO_HASH, peerId: OUR_ID });
  const close = (reason: CloseReason) => [{ type: "close", reason } as const];
  for (const more of [undefined, Uint8Array.of(0), theirHandshake().subarray(48)]) {
    const connection = incoming();
    hear(connection, mirror);
    const accepted = connection.handle({ type: "accept", infoHash: INFO_HASH }, 0);
    assertEquals(decodeHandshake(written(accepted)).peerId, OUR_ID);
    assertEquals([said(accepted), connection.phase], [[], "facingItself"]);
    if (more) assertEquals(said(hear(connection, more)), close("connected to itself"));
    else {assertEquals(
        connection.handle({ type: "tick" }, connection.deadline()!),
        close("handshake timed out"),
      );}
    assertEquals(connection.phase, "closed");
  }
  const eager = incoming();
  hear(eager, concat([mirror, Uint8Array.of(0)]));
  const effects = eager.handle({ type: "accept", infoHash: INFO_HASH }, 0);
  assertEquals(said(effects), close("connected to itself"));
});

Deno.test("Connection knows another protocol by its first wrong byte", () => {
  const close = [{ type: "close", reason: "not a BitTorrent handshake" }] as const;
  assertEquals(hear(incoming(), encodeUtf8("GET / HTTP/1.1\r\n")), close);
  const handshake = theirHandshake();
  for (let i = 0; i < 20; i++) {
    const connection = incoming(), wrong = handshake.slice(0, i + 1);
    wrong[i]! ^= 0x20;
    assertEquals(hear(connection, wrong), close);
    const slow = incoming();
    assertEquals(hear(slow, wrong.subarray(0, i)), []);
    assertEquals(hear(slow, wrong.subarray(i)), close);
  }
});

Deno.test("Connection takes the extension handshake before, between and behind other messages", () => {
  const connection = opened(["extended", "fast"]);
  const have = encodeMessage({ type: "haveNone" }), hello = introduction({ ut_pex: 7 });
  const effects = hear(connection, concat([hello, encodeMessage({ type: "port", port: 1 }), have, hello]));
  assertEquals(effects.map(({ type }) => type), ["extension", "message", "message", "extension"]);
  assertEquals(connection.understands("ut_pex"), true);
});
