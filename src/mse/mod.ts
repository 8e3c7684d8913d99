/**
 * Encrypted handshakes (MSE, "message stream encryption", also "protocol encryption"): what makes a BitTorrent connection
 * look like noise to whoever shapes traffic. It keeps no secrets from anybody who knows the info hash.
 *
 * {@linkcode MseHandshake} is the machine of either side: it takes bytes and answers what to write, until it says `open`
 * with the ciphers of the stream, or `plain` for a connection that comes in without encryption. The four
 * {@linkcode ENCRYPTION_POLICIES} say how to dial, what to accept and what to encrypt with; {@linkcode SkeyIndex} finds
 * the torrent that a connection asks for.
 *
 * ```ts
 * import { type MseEffect, MseHandshake, SkeyIndex } from "@network/bittorrent/mse";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const random = Math.random; // in earnest: a cryptographic source
 * const infoHash = new Uint8Array(20).fill(7), torrents = new SkeyIndex();
 * torrents.add(infoHash);
 * const dialler = new MseHandshake({ direction: "outgoing", infoHash, policy: "required", random }, 0);
 * const listener = new MseHandshake({ direction: "incoming", policy: "allowed", random }, 0);
 *
 * // What one side writes is what the other side reads.
 * const carry = (effect?: MseEffect) => {
 *   assert(effect?.type === "write");
 *   return { type: "bytes", bytes: effect.bytes } as const;
 * };
 * const [theirKey] = dialler.handle({ type: "tick" }, 0);
 * const [ourKey] = listener.handle(carry(theirKey), 0);
 * const [offer] = dialler.handle(carry(ourKey), 0);
 * const [skey] = listener.handle(carry(offer), 0);
 * assert(skey?.type === "skey");
 * const asked = torrents.find(skey.hash);
 * assert(asked !== undefined);
 * const [choice, ours] = listener.handle({ type: "accept", infoHash: asked }, 0);
 * const [theirs] = dialler.handle(carry(choice), 0);
 *
 * assert(ours?.type === "open" && theirs?.type === "open");
 * assertEquals(ours.method, "rc4");
 * const message = new TextEncoder().encode("hello");
 * theirs.ciphers?.outgoing.apply(message);
 * ours.ciphers?.incoming.apply(message);
 * assertEquals(new TextDecoder().decode(message), "hello");
 * ```
 *
 * @module
 */

export type { Random } from "../bytes/random.ts";
export { StateError } from "../errors.ts";
export { MseHandshake } from "./handshake.ts";
export { skeyHash, type StreamCiphers } from "./keys.ts";
export {
  type Beginning,
  type CryptoMethod,
  ENCRYPTION_POLICIES,
  type EncryptionPolicy,
  type EncryptionRules,
} from "./methods.ts";
export { Rc4 } from "./rc4.ts";
export { SkeyIndex } from "./skey_index.ts";
export type { IncomingPhase, OutgoingPhase, Phase } from "./state.ts";
export {
  DEFAULT_MSE_LIMITS,
  type MseCloseReason,
  type MseEffect,
  type MseInput,
  type MseLimits,
  type MseOptions,
} from "./vocabulary.ts";
