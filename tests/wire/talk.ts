/** Connections brought to where a test needs them, and a wire between two of them. */

import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import {
  Connection,
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionOptions,
} from "../../src/wire/connection.ts";
import { encodeHandshake, encodeReserved, type Feature } from "../../src/wire/messages/handshake.ts";
import type { TorrentOffer } from "../../src/wire/vocabulary.ts";

export const INFO_HASH: Uint8Array = new Uint8Array(20).fill(0x11);
export const OUR_ID: Uint8Array = new Uint8Array(20).fill(0xaa);
export const THEIR_ID: Uint8Array = new Uint8Array(20).fill(0xbb);

type OutgoingOptions = Partial<Extract<ConnectionOptions, { direction: "outgoing" }>>;
type IncomingOptions = Partial<Extract<ConnectionOptions, { direction: "incoming" }>>;

/** The peer's handshake. */
export function theirHandshake(
  features: readonly Feature[] = [],
  infoHash: Uint8Array = INFO_HASH,
): Uint8Array {
  return encodeHandshake({ reserved: encodeReserved(features), infoHash, peerId: THEIR_ID });
}

/** An outgoing connection before its first tick. */
export function outgoing(options: OutgoingOptions = {}): Connection {
  return new Connection({ peerId: OUR_ID, infoHash: INFO_HASH, ...options, direction: "outgoing" }, 0);
}

/** An incoming connection before its first byte. */
export function incoming(options: IncomingOptions = {}): Connection {
  return new Connection({ peerId: OUR_ID, ...options, direction: "incoming" }, 0);
}

/** Gives bytes at time 0. */
export function hear(connection: Connection, ...parts: Uint8Array[]): readonly ConnectionEffect[] {
  return connection.handle({ type: "bytes", bytes: concat(parts) }, 0);
}

/** An outgoing connection whose handshakes are exchanged: it is `opening`. Without options it knows of 100 pieces. */
export function opened(
  features: readonly Feature[] = [],
  options: OutgoingOptions = { pieceCount: 100 },
): Connection {
  const connection = outgoing(options);
  connection.handle({ type: "tick" }, 0);
  hear(connection, theirHandshake(features));
  assertEquals(connection.phase, "opening");
  return connection;
}

/** The bytes of all writes, joined. */
export function written(effects: readonly ConnectionEffect[]): Uint8Array {
  return concat(effects.flatMap((effect) => effect.type === "write" ? [effect.bytes] : []));
}

/** The effects besides writes. */
export function said(effects: readonly ConnectionEffect[]): ConnectionEffect[] {
  return effects.filter((effect) => effect.type !== "write");
}

/** Two connections and a wire: what one writes the other hears at once. */
export class Pair {
  readonly a: Connection;
  readonly b: Connection;
  readonly #answer: TorrentOffer;
  /** What each side said besides writes, in order, with bytes of its own. */
  readonly heard: Readonly<Record<"a" | "b", ConnectionEffect[]>> = { a: [], b: [] };

  /** `b` accepts what `a` asks for with `answer`. */
  constructor(a: OutgoingOptions, answer: TorrentOffer, b: IncomingOptions = {}) {
    this.a = outgoing(a);
    this.b = incoming({ peerId: THEIR_ID, ...b });
    this.#answer = answer;
    this.tell("a", { type: "tick" });
  }

  /** Gives one side an input and carries the bytes to and fro until both are silent. */
  tell(side: "a" | "b", input: ConnectionInput, now = 0): void {
    const inputs: [side: "a" | "b", input: ConnectionInput][] = [[side, input]];
    for (const [side, input] of inputs) {
      for (const effect of structuredClone(this[side].handle(input, now))) {
        if (effect.type === "write") {
          inputs.push([side === "a" ? "b" : "a", { type: "bytes", bytes: effect.bytes }]);
        } else this.heard[side].push(effect);
        if (effect.type === "infoHash") inputs.push([side, { type: "accept", ...this.#answer }]);
      }
    }
  }
}
