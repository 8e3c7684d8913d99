import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { decodeHex } from "../../src/bytes/text.ts";
import type { MseHandshake } from "../../src/mse/handshake.ts";
import { STEPS } from "../../src/mse/steps.ts";
import type { MseCloseReason } from "../../src/mse/vocabulary.ts";
import {
  encryptedPart,
  HAND_MADE_KEY,
  type HandMade,
  handMade,
  hear,
  incoming,
  type IncomingOptions,
  join,
  markerAndSkey,
  only,
  outgoing,
  type OutgoingOptions,
  written,
} from "./talk.ts";

const PLAINTEXT = 1, RC4 = 2;

/** A machine that was dialled by a hand-made peer, up to the keys. */
function dialled(options: IncomingOptions = {}): { machine: MseHandshake; peer: HandMade } {
  const machine = incoming(options), answer = written(hear(machine, HAND_MADE_KEY));
  return { machine, peer: handMade("outgoing", answer) };
}

/** A machine that has dialled a hand-made peer, up to the keys. */
function dialling(options: OutgoingOptions = {}): { machine: MseHandshake; peer: HandMade } {
  const machine = outgoing(options),
    peer = handMade("incoming", written(machine.handle({ type: "tick" }, 0)));
  hear(machine, HAND_MADE_KEY);
  return { machine, peer };
}

function assertCloses(machine: MseHandshake, bytes: Uint8Array, reason: MseCloseReason): void {
  assertEquals(hear(machine, bytes).at(-1), { type: "close", reason });
  assertEquals(machine.phase, "closed");
}

const RANGE_FAULT = "the peer's public key is out of range";

Deno.test("MseHandshake refuses public keys outside of 2 to p − 2, without a word", () => {
  const prime =
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef" +
    "9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a3621000000000009056";
  const keys = ["0".repeat(192), "01".padStart(192, "0"), `${prime}2`, `${prime}3`, "f".repeat(192)];
  for (const key of keys) {
    const a = outgoing();
    a.handle({ type: "tick" }, 0);
    assertEquals(hear(a, decodeHex(key)), [{ type: "close", reason: RANGE_FAULT }]);
    assertEquals(hear(incoming(), decodeHex(key)), [{ type: "close", reason: RANGE_FAULT }]);
  }
});

Deno.test("an incoming MseHandshake looks for the marker behind 512 bytes of padding and no further", () => {
  for (const padding of [0, 1, 511, 512]) {
    const { machine, peer } = dialled();
    hear(machine, concat([new Uint8Array(padding), markerAndSkey(peer)]));
    assertEquals(machine.phase, "awaitingOffer", `${padding}`);
  }
  const { machine, peer } = dialled();
  assertEquals(hear(machine, new Uint8Array(512 + 19)), []);
  assertEquals(machine.phase, "awaitingMarker");
  assertCloses(machine, Uint8Array.of(0), "the peer does not speak MSE");

  const late = dialled();
  assertCloses(
    late.machine,
    concat([new Uint8Array(513), markerAndSkey(peer)]),
    "the peer does not speak MSE",
  );
});

Deno.test("an outgoing MseHandshake looks for the verification behind 512 bytes of padding and no further", () => {
  for (const padding of [0, 1, 511, 512]) {
    const { machine, peer } = dialling();
    hear(machine, concat([new Uint8Array(padding), encryptedPart(peer, RC4, 0, new Uint8Array())]));
    assertEquals(machine.phase, "open", `${padding}`);
  }
  const { machine } = dialling();
  assertEquals(hear(machine, new Uint8Array(512 + 7)), []);
  assertCloses(machine, Uint8Array.of(0), "the peer does not speak MSE");
});

Deno.test("MseHandshake finds a marker whose beginning the padding imitates", () => {
  const { machine, peer } = dialled(), said = markerAndSkey(peer);
  hear(machine, concat([said.subarray(0, 19), said.subarray(0, 1), said.subarray(0, 10), said]));
  assertEquals(machine.phase, "awaitingOffer");
});

Deno.test("an incoming MseHandshake closes on a peer that knows another secret", () => {
  const { machine, peer } = dialled();
  const offer = encryptedPart(peer, RC4, 0, new Uint8Array(2), new Uint8Array(8).fill(0, 7).fill(1, 0, 1));
  assertCloses(machine, concat([markerAndSkey(peer), offer]), "the peer knows another secret");
});

Deno.test("an incoming MseHandshake closes on an offer without a method that it knows", () => {
  for (const methods of [0, 4, 0xffff_fffc]) {
    const { machine, peer } = dialled();
    const offer = encryptedPart(peer, methods, 0, new Uint8Array(2));
    assertCloses(machine, concat([markerAndSkey(peer), offer]), "no method in common");
  }
});

Deno.test("an incoming MseHandshake takes unknown methods beside a known one", () => {
  const { machine, peer } = dialled(), offer = encryptedPart(peer, 0xffff_fff0 | RC4, 0, new Uint8Array(2));
  const effects = hear(machine, concat([markerAndSkey(peer), offer]));
  assertEquals(only(effects, "open").method, "rc4");
});

Deno.test("MseHandshake closes on padding above 512 bytes, before it comes", () => {
  const { machine, peer } = dialled(), offer = encryptedPart(peer, RC4, 513, new Uint8Array());
  assertCloses(machine, concat([markerAndSkey(peer), offer]), "padding too long");
  const answered = dialling();
  assertCloses(
    answered.machine,
    encryptedPart(answered.peer, RC4, 513, new Uint8Array()),
    "padding too long",
  );
});

Deno.test("an incoming MseHandshake closes on an initial payload above its limit, before it comes", () => {
  for (const [length, isTaken] of [[100, true], [101, false]] as const) {
    const { machine, peer } = dialled({ limits: { maxInitialPayload: 100 } });
    const offer = encryptedPart(peer, RC4, 0, Uint8Array.of(0, length));
    if (!isTaken) assertCloses(machine, concat([markerAndSkey(peer), offer]), "initial payload too long");
    else hear(machine, concat([markerAndSkey(peer), offer]));
    assertEquals(machine.phase, isTaken ? "awaitingPayload" : "closed");
  }
});

Deno.test("an outgoing MseHandshake closes on a choice that it did not offer", () => {
  for (const [method, selected] of [["rc4", PLAINTEXT], ["plaintext", RC4]] as const) {
    const { machine, peer } = dialling({ methods: [method] });
    const choice = encryptedPart(peer, selected, 0, new Uint8Array());
    assertCloses(machine, choice, "the peer chose a method that was not offered");
  }
  for (const selected of [0, PLAINTEXT | RC4, 4, RC4 | 0x8000_0000]) {
    const { machine, peer } = dialling();
    const choice = encryptedPart(peer, selected, 0, new Uint8Array());
    assertCloses(machine, choice, "the peer chose a method that was not offered");
  }
});

Deno.test("an incoming MseHandshake keeps what comes before the answer, up to a limit", () => {
  for (const [length, reason] of [[0x2_0000, undefined], [0x2_0001, "close"]] as const) {
    const { machine, peer } = dialled();
    machine.handle({ type: "bytes", bytes: markerAndSkey(peer) }, 0);
    assertEquals(machine.phase, "awaitingAccept");
    const effects = machine.handle({ type: "bytes", bytes: new Uint8Array(length) }, 0);
    assertEquals(effects[0]?.type, reason);
  }
});

Deno.test("MseHandshake never throws on random bytes in any phase, and is done after close", () => {
  const { fromA, fromB } = join(
    outgoing({ initialPayload: new Uint8Array(9) }),
    incoming(),
    new Uint8Array(5),
  );
  const directions = fc.constantFrom("outgoing", "incoming");
  const chunks = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 4 });
  const seen = new Set<string>();
  fc.assert(
    fc.property(directions, fc.noBias(fc.nat(999)), chunks, (direction, part, chunks) => {
      const machine = direction === "outgoing" ? outgoing({ initialPayload: new Uint8Array(9) }) : incoming();
      machine.handle({ type: "tick" }, 0);
      const stream = direction === "outgoing" ? fromB : fromA;
      hear(machine, stream.subarray(0, Math.floor(part * stream.length / 999)), new Uint8Array(5));
      seen.add(`${direction} ${machine.phase}`);
      for (const chunk of chunks) hear(machine, chunk, new Uint8Array(5));
      if (machine.phase === "closed") assertEquals(hear(machine, fromA), []);
    }),
    { numRuns: 400 },
  );
  assert(seen.size >= 8, [...seen].join());
});

Deno.test("MseHandshake never throws on a stream with one byte changed, and a changed key opens nothing", () => {
  const create = {
    outgoing: () => outgoing({ initialPayload: new Uint8Array(9) }),
    incoming: () => incoming(),
  };
  const { fromA, fromB } = join(create.outgoing(), create.incoming(), new Uint8Array(5));
  for (const [direction, stream] of [["outgoing", fromB], ["incoming", fromA]] as const) {
    for (let at = 0; at < stream.length; at++) {
      const machine = create[direction](), changed = stream.slice();
      changed[at]! ^= 0x40;
      machine.handle({ type: "tick" }, 0);
      hear(machine, changed, new Uint8Array(5));
      const phases: readonly string[] = [...Object.keys(STEPS[direction]), "open", "closed"];
      assert(phases.includes(machine.phase), machine.phase);
      if (at < 96) assert(machine.phase !== "open", `opened with byte ${at} of the key changed`);
    }
  }
});
