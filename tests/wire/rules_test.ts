import { assertEquals, assertThrows } from "@std/assert";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { StateError } from "../../src/errors.ts";
import type { Connection } from "../../src/wire/connection.ts";
import { encodeMessage } from "../../src/wire/messages/encode_message.ts";
import { MESSAGE_IDS, type NumberedType, type PeerMessage } from "../../src/wire/messages/message.ts";
import { BEFORE_METADATA, type Rule, RULES, type TalkPhase, verdictsOf } from "../../src/wire/rules.ts";
import { hear, opened, said } from "./talk.ts";

const PIECES = 100, TYPES = Object.keys(MESSAGE_IDS) as NumberedType[];
const range = { piece: 1, begin: 0, length: 16384 };
const hashRange = { piecesRoot: new Uint8Array(32), baseLayer: 0, index: 0, length: 2, proofLayers: 0 };

/** A message of every type, right in itself. */
const EXAMPLES: Readonly<Record<NumberedType, PeerMessage>> = {
  choke: { type: "choke" },
  unchoke: { type: "unchoke" },
  interested: { type: "interested" },
  notInterested: { type: "notInterested" },
  have: { type: "have", piece: 1 },
  bitfield: { type: "bitfield", bits: new Uint8Array(13) },
  request: { type: "request", ...range },
  piece: { type: "piece", piece: 1, begin: 0, block: Uint8Array.of(1, 2, 3) },
  cancel: { type: "cancel", ...range },
  port: { type: "port", port: 6881 },
  suggest: { type: "suggest", piece: 1 },
  haveAll: { type: "haveAll" },
  haveNone: { type: "haveNone" },
  reject: { type: "reject", ...range },
  allowedFast: { type: "allowedFast", piece: 1 },
  extended: { type: "extended", id: 0, payload: encodeUtf8("de") },
  hashRequest: { type: "hashRequest", ...hashRange },
  hashes: { type: "hashes", ...hashRange, hashes: new Uint8Array(64) },
  hashReject: { type: "hashReject", ...hashRange },
};

/** What comes out for an example that the rules let pass. */
function effectOf(message: PeerMessage) {
  return message.type === "extended"
    ? { type: "extension", message: { type: "extensionHandshake" } } as const
    : { type: "message", message } as const;
}

/** A connection whose peer, and whose own side, are in `phase`. */
function connectionIn(phase: TalkPhase, fast: boolean, options: { pieceCount?: number }): Connection {
  const connection = opened(fast ? ["fast", "extended"] : ["extended"], options);
  if (phase === "opening") return connection;
  const opener: PeerMessage = { type: fast ? "haveNone" : "notInterested" };
  hear(connection, encodeMessage(opener));
  connection.handle({ type: "send", message: opener }, 0);
  assertEquals(connection.phase, "open");
  return connection;
}

function eachRule(
  check: (row: { type: NumberedType; phase: TalkPhase; fast: boolean; verdict: Rule[0] }) => void,
) {
  for (const phase of ["opening", "open"] as const) {
    for (const type of TYPES) {
      for (const fast of [false, true]) {
        check({ type, phase, fast, verdict: RULES[phase][type][fast ? 1 : 0] });
      }
    }
  }
}

Deno.test("RULES decides about every message of the peer: it passes, or closes with the reason of its row", () => {
  eachRule(({ type, phase, fast, verdict }) => {
    const connection = connectionIn(phase, fast, { pieceCount: PIECES });
    const effects = hear(connection, encodeMessage(EXAMPLES[type]));
    const where = `${type} while ${phase}${fast ? " with fast" : ""}`;
    if (verdict === "stays" || verdict === "opens") {
      assertEquals(effects, [effectOf(EXAMPLES[type])], where);
      assertEquals(connection.phase, verdict === "opens" ? "open" : phase, where);
    } else {
      assertEquals(effects, [{ type: "close", reason: verdict }], where);
      assertEquals(connection.phase, "closed", where);
    }
  });
});

Deno.test("RULES decides about every message of ours: it is written, or throws the reason of its row", () => {
  eachRule(({ type, phase, fast, verdict }) => {
    const connection = connectionIn(phase, fast, { pieceCount: PIECES }), message = EXAMPLES[type];
    const send = () => connection.handle({ type: "send", message }, 0);
    // Others may say late what they have (aria2 does), we do not.
    if (type === "bitfield" && phase === "open" || type === "haveAll" && verdict === "stays") {
      return void assertThrows(send, StateError, `${type} too late`);
    }
    if (verdict === "stays" || verdict === "opens") assertEquals(said(send()), [], type);
    else assertThrows(send, StateError, verdict);
    // A bitfield may be sent only while our side is opening, so it tells where that is.
    const isOpening = phase === "opening" && verdict !== "opens";
    const bitfield = () => connection.handle({ type: "send", message: EXAMPLES.bitfield }, 0);
    if (isOpening) bitfield();
    else assertThrows(bitfield, StateError, "bitfield too late");
  });
});

Deno.test("RULES closes for every message of the fast extension that was not negotiated", () => {
  for (const type of ["suggest", "haveAll", "haveNone", "reject", "allowedFast"] as const) {
    for (const phase of ["opening", "open"] as const) {
      assertEquals(RULES[phase][type][0], `${type} without the fast extension`);
    }
  }
});

Deno.test("RULES lets exactly bitfield, haveAll and haveNone end the opening with the fast extension", () => {
  const openers = TYPES.filter((type) => RULES.opening[type][1] === "opens");
  assertEquals(openers, ["bitfield", "haveAll", "haveNone"]);
  for (const type of openers) {
    assertEquals(RULES.open[type][1], type === "haveNone" ? "haveNone too late" : "stays");
  }
});

Deno.test("BEFORE_METADATA decides about every message while the piece count is unknown", () => {
  for (const type of TYPES) {
    const message = EXAMPLES[type], rule = BEFORE_METADATA[type];
    const phase = RULES.opening[type][1] === "opens" ? "opening" : "open";
    const early = connectionIn(phase, true, {});
    const effects = hear(early, encodeMessage(message));
    if (rule === "passes") assertEquals(effects, [effectOf(message)], type);
    else if (rule === "waits") {
      assertEquals(effects, [], type);
      const later = early.handle({ type: "pieceCount", pieceCount: PIECES }, 0);
      assertEquals(later.at(-1), effectOf(message), type);
    } else assertEquals(effects, [{ type: "close", reason: rule }], type);
  }
});

Deno.test("verdictsOf() answers by id what RULES says by name, and nothing for unknown ids", () => {
  for (const phase of ["opening", "open"] as const) {
    for (const fast of [false, true]) {
      const verdicts = verdictsOf(phase, fast);
      assertEquals(verdicts.length, 256);
      assertEquals(verdicts.filter((verdict) => verdict !== undefined).length, TYPES.length);
      for (const type of TYPES) {
        assertEquals(verdicts[MESSAGE_IDS[type]], RULES[phase][type][fast ? 1 : 0]);
      }
    }
  }
});
