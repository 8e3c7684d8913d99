/** The messages between peers after the handshake (BEP 3, 5, 6, 10, 52): the vocabulary, ids and lengths. */

/** No content: keeps the connection open (BEP 3 "peer messages"). */
export interface KeepAliveMessage {
  /** Tells it from the other messages. */
  readonly type: "keepAlive";
}

/** A block of a piece, as asked for or refused (BEP 3 "request"). Offsets and lengths are bytes. */
export interface BlockRange {
  /** Piece index. */
  readonly piece: number;
  /** Offset of the block inside the piece. */
  readonly begin: number;
  /** Length of the block. */
  readonly length: number;
}

/** A range of Merkle tree hashes of one file (BEP 52 "new messages"). */
export interface HashRange {
  /** The file's root, 32 bytes. */
  readonly piecesRoot: Uint8Array;
  /** Layer of the first hashes, counted from the leaves (0). */
  readonly baseLayer: number;
  /** Index of the first hash in that layer, a multiple of `length`. */
  readonly index: number;
  /** How many hashes of the layer: a power of two, at least 2. */
  readonly length: number;
  /** How many layers of uncle hashes toward the root. */
  readonly proofLayers: number;
}

/** Every message that can follow the handshake, one variant per message id. */
export type PeerMessage =
  | KeepAliveMessage
  | { readonly type: "choke" }
  | { readonly type: "unchoke" }
  | { readonly type: "interested" }
  | { readonly type: "notInterested" }
  | { readonly type: "have"; readonly piece: number }
  | { readonly type: "bitfield"; readonly bits: Uint8Array }
  | { readonly type: "request" } & BlockRange
  | { readonly type: "piece"; readonly piece: number; readonly begin: number; readonly block: Uint8Array }
  | { readonly type: "cancel" } & BlockRange
  | { readonly type: "port"; readonly port: number }
  | { readonly type: "suggest"; readonly piece: number }
  | { readonly type: "haveAll" }
  | { readonly type: "haveNone" }
  | { readonly type: "reject" } & BlockRange
  | { readonly type: "allowedFast"; readonly piece: number }
  | { readonly type: "extended"; readonly id: number; readonly payload: Uint8Array }
  | { readonly type: "hashRequest" } & HashRange
  | { readonly type: "hashes"; readonly hashes: Uint8Array } & HashRange
  | { readonly type: "hashReject" } & HashRange;

/** The name of a message. */
export type PeerMessageType = PeerMessage["type"];

/** A message that has an id: all but the keep-alive, which is a length prefix of zero. */
export type NumberedMessage = Exclude<PeerMessage, KeepAliveMessage>;

/** The name of a message that has an id. */
export type NumberedType = NumberedMessage["type"];

/** The id of every message (BEP 4 "reserved message ids"). */
export const MESSAGE_IDS = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20,
  hashRequest: 21,
  hashes: 22,
  hashReject: 23,
} as const;

/** Bytes of the length prefix in front of every message. */
export const PREFIX_LENGTH = 4;

/** Bytes of a `piece` message before its block: length prefix, id, piece index, offset (BEP 3 "piece"). */
export const PIECE_HEADER_LENGTH = 13;

/** Bytes of a Merkle root (BEP 52). */
export const ROOT_LENGTH = 32;

/** Bytes behind the length prefix: the id and the payload, without content of any length at its end. */
export const MESSAGE_LENGTHS: Readonly<Record<NumberedType, number>> = {
  choke: 1,
  unchoke: 1,
  interested: 1,
  notInterested: 1,
  have: 5,
  bitfield: 1,
  request: 13,
  piece: 9,
  cancel: 13,
  port: 3,
  suggest: 5,
  haveAll: 1,
  haveNone: 1,
  reject: 13,
  allowedFast: 5,
  extended: 2,
  hashRequest: ROOT_LENGTH + 17,
  hashes: ROOT_LENGTH + 17,
  hashReject: ROOT_LENGTH + 17,
};

/** The messages that end in content of any length. */
export const OPEN_ENDED: ReadonlySet<NumberedType> = new Set(["bitfield", "piece", "extended", "hashes"]);

const IDS = new Map(Object.entries(MESSAGE_IDS) as [NumberedType, number][]);
const TYPES = new Map(Object.entries(MESSAGE_IDS).map(([type, id]) => [id as number, type as NumberedType]));

/** The message that an id stands for, or `undefined` if this library knows none. */
export function messageTypeOf(id: number): NumberedType | undefined {
  return TYPES.get(id);
}

/** The id of a message: what `MESSAGE_IDS` says, in half the time where it is asked for every message. */
export function messageIdOf(type: NumberedType): number {
  return IDS.get(type)!;
}

/** What `MESSAGE_LENGTHS` says, by id; 0 for ids that nobody knows. */
export const LENGTH_BY_ID: Uint8Array = new Uint8Array(256);
for (const [type, id] of IDS) LENGTH_BY_ID[id] = MESSAGE_LENGTHS[type];
