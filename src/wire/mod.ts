/**
 * Messages between peers and the machine of a connection, for people who bring their own sockets (BEP 3, 6, 9, 10, 11,
 * 21, 52, 54, 55).
 *
 * A {@linkcode Connection} is told what happened (`bytes` came, something is to be `send`, time went by: `tick`) and
 * answers what is to be done: `write` these bytes, here is a `message`, `close`. It holds both sides to the protocol:
 * the handshake, {@linkcode RULES} of order, lengths, ranges, time-outs. It never looks at a clock and never throws
 * because of what a peer sends.
 *
 * Below it are the codecs, one pair per message, to be used alone: {@linkcode decodeMessage} and
 * {@linkcode encodeMessage} for the messages with an id, {@linkcode EXTENSIONS} for those of the extension protocol.
 * {@linkcode customExtension} adds one of your own.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Connection, type ConnectionEffect } from "@network/bittorrent/wire";
 *
 * const infoHash = new Uint8Array(20).fill(7), now = 0;
 * const leecher = new Connection(
 *   { direction: "outgoing", peerId: new Uint8Array(20).fill(1), infoHash, pieceCount: 3 },
 *   now,
 * );
 * const seeder = new Connection({ direction: "incoming", peerId: new Uint8Array(20).fill(2) }, now);
 *
 * // A socket in three lines: what one writes, the other hears.
 * const heard: string[] = [];
 * function carry(effects: readonly ConnectionEffect[], from: Connection, to: Connection): void {
 *   for (const effect of effects) {
 *     if (effect.type === "write") carry(to.handle({ type: "bytes", bytes: effect.bytes }, now), to, from);
 *     if (effect.type === "infoHash") carry(from.handle({ type: "accept", infoHash, pieceCount: 3 }, now), from, to);
 *     if (effect.type === "message") heard.push(effect.message.type);
 *   }
 * }
 *
 * carry(leecher.handle({ type: "tick" }, now), leecher, seeder);
 * carry(seeder.handle({ type: "send", message: { type: "haveAll" } }, now), seeder, leecher);
 * carry(leecher.handle({ type: "send", message: { type: "haveNone" } }, now), leecher, seeder);
 * carry(leecher.handle({ type: "send", message: { type: "interested" } }, now), leecher, seeder);
 * assertEquals(heard, ["haveAll", "haveNone", "interested"]);
 * ```
 *
 * @module
 */

export { DecodeError, type DecodeErrorOptions, StateError } from "../errors.ts";
export type { PeerAddress } from "../peer/address.ts";
export { type AllowedFastOptions, allowedFastSet } from "./allowed_fast.ts";
export { Connection } from "./connection.ts";
export {
  type CustomCodec,
  customExtension,
  type CustomMessage,
  type ExtensionCodec,
  type ExtensionMessage,
  type ExtensionName,
  EXTENSIONS,
  ExtensionTable,
  type KnownExtensionMessage,
} from "./extensions.ts";
export { decodeMessage } from "./messages/decode_message.ts";
export { decodeDontHave, type DontHaveMessage, encodeDontHave } from "./messages/dont_have.ts";
export {
  encodeMessage,
  encodeMessageInto,
  encodeMessages,
  encodePieceHeader,
  messageLength,
} from "./messages/encode_message.ts";
export {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  type ExtensionHandshake,
  type ExtensionHandshakeFields,
} from "./messages/extension.ts";
export {
  decodeHandshake,
  decodeHandshakePrefix,
  encodeHandshake,
  encodeReserved,
  type Feature,
  type Handshake,
  HANDSHAKE_LENGTH,
  HANDSHAKE_PREFIX_LENGTH,
  type HandshakePrefix,
  hasFeature,
  RESERVED_BITS,
} from "./messages/handshake.ts";
export {
  decodeHolepunch,
  encodeHolepunch,
  HOLEPUNCH_ERRORS,
  type HolepunchMessage,
} from "./messages/holepunch.ts";
export {
  type BlockRange,
  type HashRange,
  type KeepAliveMessage,
  MESSAGE_IDS,
  messageTypeOf,
  type NumberedMessage,
  type NumberedType,
  type PeerMessage,
  type PeerMessageType,
  PIECE_HEADER_LENGTH,
} from "./messages/message.ts";
export {
  decodeMetadata,
  encodeMetadata,
  METADATA_BLOCK_LENGTH,
  metadataBlockLength,
  type MetadataMessage,
} from "./messages/metadata.ts";
export { decodePex, encodePex, PEX_FLAGS, type PexMessage, type PexPeer } from "./messages/pex.ts";
export { decodeUploadOnly, encodeUploadOnly, type UploadOnlyMessage } from "./messages/upload_only.ts";
export {
  BEFORE_METADATA,
  type EarlyBreach,
  type Rule,
  type RuleBreach,
  RULES,
  type TalkPhase,
  type Verdict,
} from "./rules.ts";
export type { Phase } from "./state.ts";
export {
  type CloseReason,
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionLimits,
  type ConnectionOptions,
  DEFAULT_CONNECTION_LIMITS,
  type OfferedFeatures,
  type TorrentOffer,
} from "./vocabulary.ts";
