/** The messages between peers after the handshake (BEP 3, 5, 6, 10, 52): the vocabulary and its codec. */

/** No content: keeps the connection open (BEP 3 "peer messages"). */
export interface KeepAliveMessage {
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
