/** Random messages for the property tests of this room. */

import fc from "fast-check";
import type { PeerMessage } from "../../src/wire/messages/message.ts";

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const content = fc.uint8Array({ maxLength: 60 });
const blockRange = { piece: uint32, begin: uint32, length: uint32 };
const hashRange = {
  piecesRoot: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  baseLayer: uint32,
  index: uint32,
  length: uint32,
  proofLayers: uint32,
};

function of<T extends PeerMessage["type"], F extends object>(
  type: T,
  fields: { [K in keyof F]: fc.Arbitrary<F[K]> },
) {
  return fc.record({ type: fc.constant(type), ...fields }) as unknown as fc.Arbitrary<PeerMessage>;
}

/** One arbitrary per message that has an id. */
export const MESSAGES: Readonly<
  Record<Exclude<PeerMessage["type"], "keepAlive">, fc.Arbitrary<PeerMessage>>
> = {
  choke: of("choke", {}),
  unchoke: of("unchoke", {}),
  interested: of("interested", {}),
  notInterested: of("notInterested", {}),
  have: of("have", { piece: uint32 }),
  bitfield: of("bitfield", { bits: content }),
  request: of("request", blockRange),
  piece: of("piece", { piece: uint32, begin: uint32, block: content }),
  cancel: of("cancel", blockRange),
  port: of("port", { port: fc.integer({ min: 0, max: 65535 }) }),
  suggest: of("suggest", { piece: uint32 }),
  haveAll: of("haveAll", {}),
  haveNone: of("haveNone", {}),
  reject: of("reject", blockRange),
  allowedFast: of("allowedFast", { piece: uint32 }),
  extended: of("extended", { id: fc.integer({ min: 0, max: 255 }), payload: content }),
  hashRequest: of("hashRequest", hashRange),
  hashes: of("hashes", { ...hashRange, hashes: content }),
  hashReject: of("hashReject", hashRange),
};

/** Any message. */
export const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.constant<PeerMessage>({ type: "keepAlive" }),
  ...Object.values(MESSAGES),
);
