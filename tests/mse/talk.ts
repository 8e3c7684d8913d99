/** Encrypted handshakes brought to where a test needs them, and a wire between two of them. */

import { concat } from "@std/bytes/concat";
import { type Random, randomBytes } from "../../src/bytes/random.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { seededRandom } from "../../src/io/memory/seeded_random.ts";
import { MseHandshake } from "../../src/mse/handshake.ts";
import { publicKeyOf, sharedSecretOf } from "../../src/mse/key_exchange.ts";
import { markerOf, maskSkeyHash, skeyHash, type StreamCiphers, streamCiphersOf } from "../../src/mse/keys.ts";
import { SkeyIndex } from "../../src/mse/skey_index.ts";
import type { MseEffect, MseOptions } from "../../src/mse/vocabulary.ts";

export const INFO_HASH: Uint8Array = new Uint8Array(20).fill(0x11);
export const TORRENTS: SkeyIndex = new SkeyIndex();
TORRENTS.add(INFO_HASH);

export type OutgoingOptions = Partial<Extract<MseOptions, { direction: "outgoing" }>>;
export type IncomingOptions = Partial<Extract<MseOptions, { direction: "incoming" }>>;
export type Opening = Extract<MseEffect, { type: "open" }>;

/** An outgoing handshake before its first tick. */
export function outgoing(options: OutgoingOptions = {}): MseHandshake {
  return new MseHandshake({
    random: seededRandom(1),
    infoHash: INFO_HASH,
    ...options,
    direction: "outgoing",
  }, 0);
}

/** An incoming handshake before its first byte. */
export function incoming(options: IncomingOptions = {}): MseHandshake {
  return new MseHandshake({ random: seededRandom(2), ...options, direction: "incoming" }, 0);
}

/** Gives bytes at time 0, answers for the torrent, and gives back all that was said. */
export function hear(machine: MseHandshake, bytes: Uint8Array, ownPayload?: Uint8Array): MseEffect[] {
  const effects = [...machine.handle({ type: "bytes", bytes }, 0)];
  const skey = effects.find((effect) => effect.type === "skey");
  if (skey === undefined) return effects;
  const infoHash = TORRENTS.find(skey.hash);
  const answer = infoHash === undefined ? { type: "refuse" } as const : {
    type: "accept",
    infoHash,
    ...ownPayload === undefined ? {} : { initialPayload: ownPayload },
  } as const;
  return [...effects, ...machine.handle(answer, 0)];
}

/** The bytes of all writes, joined. */
export function written(effects: readonly MseEffect[]): Uint8Array {
  return concat(effects.flatMap((effect) => effect.type === "write" ? [effect.bytes] : []));
}

/** The only effect of a type. */
export function only<T extends MseEffect["type"]>(
  effects: readonly MseEffect[],
  type: T,
): Extract<MseEffect, { type: T }> {
  const found = effects.filter((effect) => effect.type === type);
  if (found.length !== 1) {
    throw new Error(`expected one ${type}, got ${effects.map((effect) => effect.type).join(", ")}`);
  }
  return found[0] as Extract<MseEffect, { type: T }>;
}

/** What two handshakes said, and every byte that went over the wire. */
export interface Joined {
  readonly a: readonly MseEffect[];
  readonly b: readonly MseEffect[];
  readonly fromA: Uint8Array;
  readonly fromB: Uint8Array;
}

/** Lets a dialler and a listener talk until both are silent. */
export function join(a: MseHandshake, b: MseHandshake, payloadOfB?: Uint8Array): Joined {
  const said = { a: [...a.handle({ type: "tick" }, 0)], b: [] as MseEffect[] };
  let fromA = written(said.a), fromB = new Uint8Array();
  for (let news = fromA; news.length > 0;) {
    const answers = hear(b, news, payloadOfB), answer = written(answers);
    const replies = hear(a, answer);
    news = written(replies);
    said.b.push(...answers);
    said.a.push(...replies);
    fromA = concat([fromA, news]);
    fromB = concat([fromB, answer]);
  }
  return { ...said, fromA, fromB };
}

/**
 * Chance that gives the two paddings of a side these lengths: 20 draws make the private key, the next is the length of
 * the first padding, its bytes follow, then comes the length of the second.
 */
export function paddedRandom(seed: number, first: number, second: number): Random {
  const random = seededRandom(seed);
  let draws = 0;
  return () => {
    const draw = draws++, any = random();
    if (draw === 20) return (first + 0.5) / 513;
    return draw === 21 + first ? (second + 0.5) / 513 : any;
  };
}

/** A peer made by hand, that can say anything under encryption. */
export interface HandMade {
  readonly secret: Uint8Array;
  readonly ciphers: StreamCiphers;
}

const PRIVATE_KEY = randomBytes(seededRandom(3), 20);

/** What a hand-made peer of either side says first. */
export const HAND_MADE_KEY: Uint8Array = publicKeyOf(PRIVATE_KEY);

/** A hand-made peer that has heard a machine's first part. */
export function handMade(direction: "outgoing" | "incoming", heard: Uint8Array): HandMade {
  const secret = sharedSecretOf(PRIVATE_KEY, heard.subarray(0, 96))!;
  return { secret, ciphers: streamCiphersOf(direction, secret, INFO_HASH) };
}

/** Marker and torrent, as a hand-made dialler says them. */
export function markerAndSkey({ secret }: HandMade, infoHash: Uint8Array = INFO_HASH): Uint8Array {
  return concat([markerOf(secret), maskSkeyHash(skeyHash(infoHash), secret)]);
}

/** What a hand-made peer says under encryption: verification, methods, padding length and the rest. */
export function encryptedPart(
  { ciphers }: HandMade,
  methods: number,
  padding: number,
  rest: Uint8Array,
  verification: Uint8Array = new Uint8Array(8),
): Uint8Array {
  const part = new Writer(14 + rest.length).bytes(verification).uint32(methods).uint16(padding).bytes(rest)
    .done();
  ciphers.outgoing.apply(part);
  return part;
}
