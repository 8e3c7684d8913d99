import { assertEquals } from "@std/assert";
import { encodeMessage } from "../../src/wire/messages/encode_message.ts";
import { DEFAULT_CONNECTION_LIMITS } from "../../src/wire/vocabulary.ts";
import { hear, incoming, INFO_HASH, opened, outgoing, theirHandshake } from "./talk.ts";

const { handshakeTimeoutMs, keepAliveMs, silenceMs } = DEFAULT_CONNECTION_LIMITS;
const keepAlive = [{ type: "write" as const, bytes: new Uint8Array(4) }];

Deno.test("Connection gives a handshake up that does not end in time, in every phase of it", () => {
  const greeted = outgoing();
  greeted.handle({ type: "tick" }, 0);
  const half = outgoing();
  hear(half, theirHandshake().subarray(0, 50));
  const waiting = incoming();
  hear(waiting, theirHandshake());
  const accepted = incoming();
  hear(accepted, theirHandshake().subarray(0, 48));
  accepted.handle({ type: "accept", infoHash: INFO_HASH }, 0);
  for (const connection of [greeted, half, incoming(), waiting, accepted]) {
    assertEquals(connection.deadline(), handshakeTimeoutMs);
    assertEquals(connection.handle({ type: "tick" }, handshakeTimeoutMs - 1), []);
    assertEquals(connection.handle({ type: "tick" }, handshakeTimeoutMs), [
      { type: "close", reason: "handshake timed out" },
    ]);
  }
});

Deno.test("Connection breaks its silence before two minutes are over", () => {
  const connection = opened();
  assertEquals(connection.deadline(), keepAliveMs);
  assertEquals(connection.handle({ type: "tick" }, keepAliveMs - 1), []);
  assertEquals(connection.handle({ type: "tick" }, keepAliveMs), keepAlive);
  assertEquals(connection.deadline(), Math.min(2 * keepAliveMs, silenceMs));
});

Deno.test("Connection counts its silence from the last write, also one past the machine", () => {
  const connection = opened();
  connection.handle({ type: "send", message: { type: "unchoke" } }, 1000);
  assertEquals(connection.deadline(), 1000 + keepAliveMs);
  connection.handle({ type: "written" }, 2000);
  assertEquals(connection.deadline(), 2000 + keepAliveMs);
  assertEquals(connection.handle({ type: "tick" }, keepAliveMs), []);
});

Deno.test("Connection gives a silent peer up; keep-alives and parts of messages count as speech", () => {
  const connection = opened([], { pieceCount: 1, limits: { keepAliveMs: Infinity } });
  assertEquals(connection.deadline(), silenceMs);
  connection.handle({ type: "bytes", bytes: encodeMessage({ type: "keepAlive" }) }, 1000);
  assertEquals(connection.deadline(), 1000 + silenceMs);
  connection.handle({ type: "bytes", bytes: new Uint8Array(1) }, 2000);
  assertEquals(connection.deadline(), 2000 + silenceMs);
  assertEquals(connection.handle({ type: "tick" }, 2000 + silenceMs - 1), []);
  assertEquals(connection.handle({ type: "tick" }, 2000 + silenceMs), [
    { type: "close", reason: "silent for too long" },
  ]);
});

Deno.test("Connection has no deadline once closed", () => {
  const connection = opened();
  connection.handle({ type: "close" }, 0);
  assertEquals(connection.deadline(), undefined);
});

Deno.test("Two connections keep each other alive for an hour", () => {
  const a = opened(), b = opened();
  let now = 0, spoken = 0;
  while (now < 3_600_000) {
    now = Math.min(a.deadline()!, b.deadline()!);
    for (const [from, to] of [[a, b], [b, a]] as const) {
      for (const effect of from.handle({ type: "tick" }, now)) {
        assertEquals(effect.type, "write");
        if (effect.type === "write") assertEquals(to.handle({ type: "bytes", bytes: effect.bytes }, now), []);
        spoken++;
      }
    }
  }
  assertEquals(spoken, 2 * Math.floor(now / keepAliveMs));
});
