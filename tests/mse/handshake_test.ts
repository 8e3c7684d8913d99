import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { StateError } from "../../src/errors.ts";
import { seededRandom } from "../../src/io/memory/seeded_random.ts";
import type { MseHandshake } from "../../src/mse/handshake.ts";
import { skeyHash } from "../../src/mse/keys.ts";
import type { CryptoMethod, EncryptionPolicy } from "../../src/mse/methods.ts";
import type { MseEffect } from "../../src/mse/vocabulary.ts";
import {
  hear,
  incoming,
  INFO_HASH,
  join,
  type Joined,
  only,
  type Opening,
  outgoing,
  paddedRandom,
  written,
} from "./talk.ts";
import { YA, YB } from "./vectors.ts";

const HELLO = Uint8Array.from({ length: 68 }, (_, i) => i), REPLY = HELLO.map((byte) => 255 - byte);

/** What a stream brings: the first bytes, and whether both sides go on in step. */
function assertStream(a: Opening, b: Opening): void {
  assertEquals([a.method, a.infoHash, b.infoHash], [b.method, INFO_HASH, INFO_HASH]);
  assertEquals([a.ciphers === undefined, b.ciphers === undefined], Array(2).fill(a.method === "plaintext"));
  for (const [from, to] of [[a, b], [b, a]] as const) {
    const bytes = HELLO.slice();
    from.ciphers?.outgoing.apply(bytes);
    assertEquals(encodeHex(bytes) === encodeHex(HELLO), a.method === "plaintext");
    to.ciphers?.incoming.apply(bytes);
    assertEquals(bytes, HELLO);
  }
}

Deno.test("MseHandshake writes the vectors' public keys", () => {
  const ones = () => 1.5 / 256, twos = () => 2.5 / 256;
  const a = outgoing({ random: ones, infoHash: new Uint8Array(20).fill(0xaa) });
  const b = incoming({ random: twos });
  const fromA = written(a.handle({ type: "tick" }, 0));
  assertEquals(encodeHex(fromA.subarray(0, 96)), YA);
  assertEquals(encodeHex(written(hear(b, fromA)).subarray(0, 96)), YB);
});

Deno.test("MseHandshake says the vectors' marker, torrent and verification constants", () => {
  const ones = () => 1.5 / 256, twos = () => 2.5 / 256, infoHash = new Uint8Array(20).fill(0xaa);
  const a = outgoing({ random: ones, infoHash }), b = incoming({ random: twos });
  a.handle({ type: "tick" }, 0);
  hear(b, decodeHex(YA));
  const offer = written(hear(a, decodeHex(YB)));
  assertEquals(
    encodeHex(offer.subarray(0, 48)),
    "0a6d483c3bc61484a210fa0f37d99062fd569483" + "6c6816e45dd786ccc916483dbf61bf2eac1d7b9b" +
      "29f82066c2916234",
  );
  assertEquals(b.handle({ type: "bytes", bytes: offer }, 0), [{ type: "skey", hash: skeyHash(infoHash) }]);
  const choice = written(b.handle({ type: "accept", infoHash }, 0));
  assertEquals(encodeHex(choice.subarray(0, 8)), "4e1a0ab34843e109");
});

const METHODS: Readonly<Record<string, readonly CryptoMethod[]>> = {
  "plaintext": ["plaintext"],
  "rc4": ["rc4"],
  "plaintext, rc4": ["plaintext", "rc4"],
  "rc4, plaintext": ["rc4", "plaintext"],
};

/** What the dialler offers, what the listener takes, what comes of it. */
const AGREEMENTS: readonly (readonly [offered: string, taken: string, agreed: CryptoMethod | undefined])[] = [
  ["plaintext", "plaintext", "plaintext"],
  ["plaintext", "rc4", undefined],
  ["plaintext", "plaintext, rc4", "plaintext"],
  ["plaintext", "rc4, plaintext", "plaintext"],
  ["rc4", "plaintext", undefined],
  ["rc4", "rc4", "rc4"],
  ["rc4", "plaintext, rc4", "rc4"],
  ["rc4", "rc4, plaintext", "rc4"],
  ["plaintext, rc4", "plaintext", "plaintext"],
  ["plaintext, rc4", "rc4", "rc4"],
  ["plaintext, rc4", "plaintext, rc4", "plaintext"],
  ["plaintext, rc4", "rc4, plaintext", "rc4"],
  ["rc4, plaintext", "plaintext", "plaintext"],
  ["rc4, plaintext", "rc4", "rc4"],
  ["rc4, plaintext", "plaintext, rc4", "plaintext"],
  ["rc4, plaintext", "rc4, plaintext", "rc4"],
];

for (const [offered, taken, agreed] of AGREEMENTS) {
  Deno.test(`MseHandshake that offers ${offered} to one that takes ${taken}: ${agreed ?? "no agreement"}`, () => {
    const a = outgoing({ methods: METHODS[offered]!, initialPayload: HELLO });
    const b = incoming({ methods: METHODS[taken]! }), { a: saidA, b: saidB } = join(a, b, REPLY);
    if (agreed === undefined) {
      assertEquals(only(saidB, "close").reason, "no method in common");
      assertEquals([a.phase, b.phase], ["awaitingMarker", "closed"]);
      return;
    }
    const openA = only(saidA, "open"), openB = only(saidB, "open");
    assertEquals([openA.method, openA.initialPayload, openB.initialPayload], [agreed, REPLY, HELLO]);
    assertStream(openA, openB);
  });
}

const POLICIES: readonly EncryptionPolicy[] = ["disabled", "allowed", "preferred", "required"];

/** What becomes of an encrypted handshake, by the policies of dialler and listener. */
const MEETINGS: Readonly<Record<string, Readonly<Record<EncryptionPolicy, CryptoMethod | "plain">>>> = {
  allowed: { disabled: "plain", allowed: "plaintext", preferred: "rc4", required: "rc4" },
  preferred: { disabled: "plain", allowed: "plaintext", preferred: "rc4", required: "rc4" },
  required: { disabled: "plain", allowed: "rc4", preferred: "rc4", required: "rc4" },
};

for (const dialler of ["allowed", "preferred", "required"] as const) {
  for (const listener of POLICIES) {
    const outcome = MEETINGS[dialler]![listener];
    Deno.test(`MseHandshake of policy "${dialler}" meets "${listener}": ${outcome}`, () => {
      const a = outgoing({ policy: dialler }), b = incoming({ policy: listener }), joined = join(a, b);
      if (outcome !== "plain") return assertEquals(only(joined.a, "open").method, outcome);
      // It hands the noise on, and whoever reads it next will close.
      assertEquals(joined.b, [{ type: "plain", bytes: joined.fromA }]);
      assertEquals(b.phase, "plain");
    });
  }
}

const PLAIN = concat([new TextEncoder().encode("\x13BitTorrent protocol"), new Uint8Array(48).fill(1)]);

for (const policy of POLICIES) {
  Deno.test(`MseHandshake of policy "${policy}" hears a plain handshake`, () => {
    const machine = incoming({ policy }), effects = machine.handle({ type: "bytes", bytes: PLAIN }, 0);
    const expected: MseEffect = policy === "required"
      ? { type: "close", reason: "the peer's handshake is plain where encryption is required" }
      : { type: "plain", bytes: PLAIN };
    assertEquals(effects, [expected]);
    assertEquals(machine.deadline(), undefined);
    assertEquals(machine.handle({ type: "bytes", bytes: PLAIN }, 0), []);
  });
}

Deno.test("MseHandshake tells a plain handshake at its twentieth byte, and passes on what came", () => {
  for (let cut = 0; cut <= 19; cut++) {
    const machine = incoming();
    assertEquals(hear(machine, PLAIN.subarray(0, cut)), []);
    assertEquals(machine.phase, "awaitingProtocol");
    assertEquals(hear(machine, PLAIN.subarray(cut, 30)), [{ type: "plain", bytes: PLAIN.subarray(0, 30) }]);
  }
});

Deno.test("MseHandshake takes other bytes for a key from the first that differs", () => {
  for (let same = 0; same <= 19; same++) {
    const machine = incoming(), start = PLAIN.slice(0, same + 1);
    start[same]! ^= 1;
    assertEquals(hear(machine, start), []);
    assertEquals(machine.phase, "awaitingKey");
  }
});

Deno.test("an outgoing MseHandshake closes when it is answered with a plain handshake", () => {
  const machine = outgoing();
  machine.handle({ type: "tick" }, 0);
  assertEquals(hear(machine, PLAIN.subarray(0, 20)), [
    { type: "close", reason: "the peer answered with a plain handshake" },
  ]);
});

Deno.test("MseHandshake copes with every length of all four paddings", () => {
  for (let length = 0; length <= 512; length++) {
    const other = 512 - length;
    for (const [first, second] of [[length, other], [other, length]] as const) {
      const a = outgoing({ random: paddedRandom(1, first, second), initialPayload: HELLO });
      const b = incoming({ random: paddedRandom(2, second, first) }), joined = join(a, b, REPLY);
      assertEquals(joined.fromA.length, 96 + first + 40 + 14 + second + 2 + 68);
      assertEquals(joined.fromB.length, 96 + second + 14 + first + 68);
      assertStream(only(joined.a, "open"), only(joined.b, "open"));
    }
  }
});

/** A conversation with something behind the handshakes. */
function conversation(
  method: CryptoMethod,
): Joined & { readonly streamA: Uint8Array; readonly streamB: Uint8Array } {
  const options = { methods: [method], initialPayload: HELLO };
  const joined = join(outgoing(options), incoming({ methods: [method] }), REPLY);
  const more = REPLY.slice(), answer = HELLO.slice();
  only(joined.a, "open").ciphers?.outgoing.apply(more);
  only(joined.b, "open").ciphers?.outgoing.apply(answer);
  return { ...joined, streamA: concat([joined.fromA, more]), streamB: concat([joined.fromB, answer]) };
}

/** Gives a recorded stream in pieces to a machine; after it opens, the rest goes through its ciphers. */
function replay(
  machine: MseHandshake,
  parts: readonly Uint8Array[],
): { readonly bytes: string; readonly wrote: string } {
  const effects = [...machine.handle({ type: "tick" }, 0)], stream: Uint8Array[] = [];
  for (const part of parts) {
    const before = part.slice(), opening = effects.find((effect) => effect.type === "open");
    if (opening === undefined) effects.push(...hear(machine, part, REPLY));
    else {
      const copy = part.slice();
      opening.ciphers?.incoming.apply(copy);
      stream.push(copy);
    }
    assertEquals(part, before);
  }
  return {
    bytes: encodeHex(concat([only(effects, "open").initialPayload, ...stream])),
    wrote: encodeHex(written(effects)),
  };
}

for (const method of ["rc4", "plaintext"] as const) {
  const { streamA, streamB, fromA, fromB } = conversation(method);
  const sides = [
    ["incoming", () => incoming({ methods: [method] }), streamA, fromB, concat([HELLO, REPLY])],
    [
      "outgoing",
      () => outgoing({ methods: [method], initialPayload: HELLO }),
      streamB,
      fromA,
      concat([
        REPLY,
        HELLO,
      ]),
    ],
  ] as const;
  for (const [direction, create, stream, answer, payload] of sides) {
    const expected = { bytes: encodeHex(payload), wrote: encodeHex(answer) };

    Deno.test(`an ${direction} MseHandshake (${method}) says the same at every cut of the stream`, () => {
      for (let cut = 0; cut <= stream.length; cut++) {
        assertEquals(replay(create(), [stream.subarray(0, cut), stream.subarray(cut)]), expected, `${cut}`);
      }
    });

    Deno.test(`an ${direction} MseHandshake (${method}) says the same byte by byte`, () => {
      assertEquals(replay(create(), Array.from(stream, (byte) => Uint8Array.of(byte))), expected);
    });
  }
}

Deno.test("MseHandshake carries an initial payload of 65,535 bytes, and an empty one", () => {
  for (const length of [0, 65_535]) {
    const initialPayload = new Uint8Array(length).fill(5), a = outgoing({ initialPayload });
    const joined = join(a, incoming());
    assertEquals(only(joined.b, "open").initialPayload, initialPayload);
    assertStream(only(joined.a, "open"), only(joined.b, "open"));
  }
});

Deno.test("MseHandshake says a deadline until it is done, and times out", () => {
  const a = outgoing({ limits: { handshakeTimeoutMs: 500 } });
  assertEquals(a.deadline(), 0);
  assertEquals(a.handle({ type: "tick" }, 10).map(({ type }) => type), ["write"]);
  assertEquals(a.deadline(), 500);
  assertEquals(a.handle({ type: "tick" }, 499), []);
  assertEquals(a.handle({ type: "tick" }, 500), [{ type: "close", reason: "encrypted handshake timed out" }]);
  assertEquals([a.deadline(), a.phase], [undefined, "closed"]);

  const b = incoming();
  assertEquals(b.deadline(), 20_000);
  assertEquals(b.handle({ type: "tick" }, 20_000), [{
    type: "close",
    reason: "encrypted handshake timed out",
  }]);

  const late = outgoing({ limits: { handshakeTimeoutMs: 500 } });
  assertEquals(late.handle({ type: "tick" }, 600).map(({ type }) => type), ["write", "close"]);

  const open = outgoing();
  join(open, incoming());
  assertEquals([open.phase, open.deadline()], ["open", undefined]);
  assertEquals(open.handle({ type: "tick" }, 1e9), []);
});

Deno.test("an incoming MseHandshake is closed for a torrent that we do not have", () => {
  const a = outgoing({ infoHash: new Uint8Array(20).fill(0x99) }), b = incoming();
  assertEquals(only(join(a, b).b, "close").reason, "no such torrent");
  assertEquals(b.handle({ type: "accept", infoHash: INFO_HASH }, 0), []);
});

Deno.test("handle() ends with close when told to", () => {
  for (const machine of [outgoing(), incoming()]) {
    assertEquals(machine.handle({ type: "close" }, 0), [{ type: "close", reason: "closed by us" }]);
    assertEquals(machine.handle({ type: "close" }, 0), []);
  }
});

Deno.test("handle() refuses an answer to a question that was not asked", () => {
  for (const machine of [outgoing(), incoming()]) {
    assertThrows(() => machine.handle({ type: "accept", infoHash: INFO_HASH }, 0), StateError);
    assertThrows(() => machine.handle({ type: "refuse" }, 0), StateError);
  }
  assertThrows(() => incoming().handle({ type: "accept", infoHash: new Uint8Array(32) }, 0), RangeError);
});

Deno.test("new MseHandshake() refuses what cannot be offered", () => {
  assertThrows(() => outgoing({ policy: "disabled" }), TypeError, 'the policy is "disabled"');
  assertThrows(() => outgoing({ methods: [] }), TypeError, "no method is allowed");
  assertThrows(() => incoming({ methods: [] }), TypeError, "no method is allowed");
  assertThrows(() => outgoing({ infoHash: new Uint8Array(32) }), RangeError, "expected 20 bytes, got 32");
  assertThrows(() => outgoing({ initialPayload: new Uint8Array(65_536) }), RangeError, "65536 bytes");
});

Deno.test("an outgoing MseHandshake that never got a tick says its key with the first bytes", () => {
  const [a, b] = [outgoing(), outgoing()];
  assertEquals(a.handle({ type: "bytes", bytes: new Uint8Array() }, 0), b.handle({ type: "tick" }, 0));
  assertEquals(a.handle({ type: "tick" }, 0), []);
});

Deno.test("MseHandshake draws other keys and paddings for other chance", () => {
  const wires = [1, 2, 3].map((seed) => join(outgoing({ random: seededRandom(seed) }), incoming()).fromA);
  assertEquals(new Set(wires.map(encodeHex)).size, 3);
});
