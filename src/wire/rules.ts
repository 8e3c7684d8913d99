/**
 * Which message may come when: phase × message, with and without the fast extension (BEP 3 "peer messages", BEP 6).
 *
 * A side is `opening` until its first message that says what it has; `port` and the extension protocol do not count, as
 * deployed clients send them first. With the fast extension the opening ends with exactly one of bitfield, haveAll and
 * haveNone; without it a bitfield may be left out.
 */

import { MESSAGE_IDS, type NumberedType } from "./messages/message.ts";

/** The phases of one direction of a connection after the handshake. */
export type TalkPhase = "opening" | "open";

/** Why a message closes the connection: it came out of turn. */
export type RuleBreach =
  | `${NumberedType} without the fast extension`
  | `${NumberedType} before bitfield, haveAll or haveNone`
  | `${NumberedType} too late`;

/** What a message does to its side: nothing, end the opening, or close the connection. */
export type Verdict = "stays" | "opens" | RuleBreach;

/** Verdicts without and with the fast extension. */
export type Rule = readonly [plain: Verdict, fast: Verdict];

/** The rule of every message in every phase. */
export const RULES: Readonly<Record<TalkPhase, Readonly<Record<NumberedType, Rule>>>> = {
  opening: {
    choke: ["opens", "choke before bitfield, haveAll or haveNone"],
    unchoke: ["opens", "unchoke before bitfield, haveAll or haveNone"],
    interested: ["opens", "interested before bitfield, haveAll or haveNone"],
    notInterested: ["opens", "notInterested before bitfield, haveAll or haveNone"],
    have: ["opens", "have before bitfield, haveAll or haveNone"],
    bitfield: ["opens", "opens"],
    request: ["opens", "request before bitfield, haveAll or haveNone"],
    piece: ["opens", "piece before bitfield, haveAll or haveNone"],
    cancel: ["opens", "cancel before bitfield, haveAll or haveNone"],
    port: ["stays", "stays"],
    suggest: ["suggest without the fast extension", "suggest before bitfield, haveAll or haveNone"],
    haveAll: ["haveAll without the fast extension", "opens"],
    haveNone: ["haveNone without the fast extension", "opens"],
    reject: ["reject without the fast extension", "reject before bitfield, haveAll or haveNone"],
    allowedFast: [
      "allowedFast without the fast extension",
      "allowedFast before bitfield, haveAll or haveNone",
    ],
    extended: ["stays", "stays"],
    hashRequest: ["opens", "hashRequest before bitfield, haveAll or haveNone"],
    hashes: ["opens", "hashes before bitfield, haveAll or haveNone"],
    hashReject: ["opens", "hashReject before bitfield, haveAll or haveNone"],
  },
  open: {
    choke: ["stays", "stays"],
    unchoke: ["stays", "stays"],
    interested: ["stays", "stays"],
    notInterested: ["stays", "stays"],
    have: ["stays", "stays"],
    // Departs from BEP 3 "bitfield" ("only ever sent as the first message"), because aria2 sends it again at any time
    // instead of many haves. We do not: see sending.ts.
    bitfield: ["stays", "stays"],
    request: ["stays", "stays"],
    piece: ["stays", "stays"],
    cancel: ["stays", "stays"],
    port: ["stays", "stays"],
    suggest: ["suggest without the fast extension", "stays"],
    // Departs from BEP 6 "Have All/Have None" ("only ever sent immediately after the handshake"): aria2 sends it when it
    // is complete. We do not.
    haveAll: ["haveAll without the fast extension", "stays"],
    haveNone: ["haveNone without the fast extension", "haveNone too late"],
    reject: ["reject without the fast extension", "stays"],
    allowedFast: ["allowedFast without the fast extension", "stays"],
    extended: ["stays", "stays"],
    hashRequest: ["stays", "stays"],
    hashes: ["stays", "stays"],
    hashReject: ["stays", "stays"],
  },
};

/** Why a message closes the connection while we do not know yet how many pieces there are (magnet links). */
export type EarlyBreach = `${NumberedType} before the metadata`;

/**
 * What becomes of a message before the info dictionary is known: it passes, it waits until then, because only then can
 * it be checked and used, or nobody has a reason to send it, for we have said nothing about pieces yet.
 */
export const BEFORE_METADATA: Readonly<Record<NumberedType, "passes" | "waits" | EarlyBreach>> = {
  choke: "waits",
  unchoke: "waits",
  interested: "waits",
  notInterested: "waits",
  have: "waits",
  bitfield: "waits",
  request: "request before the metadata",
  piece: "piece before the metadata",
  cancel: "cancel before the metadata",
  port: "passes",
  suggest: "waits",
  haveAll: "waits",
  haveNone: "waits",
  reject: "reject before the metadata",
  allowedFast: "waits",
  extended: "passes",
  hashRequest: "waits",
  hashes: "hashes before the metadata",
  hashReject: "hashReject before the metadata",
};

/** The rules of one phase by message id: what the machine looks into for every message. */
export type VerdictsById = readonly (Verdict | undefined)[];

function byId(phase: TalkPhase, column: 0 | 1): VerdictsById {
  const verdicts = new Array<Verdict | undefined>(256).fill(undefined);
  for (const [type, rule] of Object.entries(RULES[phase])) {
    verdicts[MESSAGE_IDS[type as NumberedType]] = rule[column];
  }
  return verdicts;
}

const VERDICTS: Readonly<Record<TalkPhase, readonly [plain: VerdictsById, fast: VerdictsById]>> = {
  opening: [byId("opening", 0), byId("opening", 1)],
  open: [byId("open", 0), byId("open", 1)],
};

/** The verdicts of a phase by message id; `undefined` stands for an id that nobody knows. */
export function verdictsOf(phase: TalkPhase, fast: boolean): VerdictsById {
  const verdicts = phase === "open" ? VERDICTS.open : VERDICTS.opening; // by name, `VERDICTS[phase]` takes 9 ns
  return verdicts[fast ? 1 : 0];
}
