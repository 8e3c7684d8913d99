/** What goes into an encrypted handshake and what comes out of it: one variant per message (MSE). */

import type { Random } from "../bytes/random.ts";
import type { StreamCiphers } from "./keys.ts";
import type { CryptoMethod, EncryptionPolicy } from "./methods.ts";

/** Bounds of time and memory; the defaults and their reasons stand in {@linkcode DEFAULT_MSE_LIMITS}. */
export interface MseLimits {
  /** Until the handshake must be complete, in milliseconds from the start. */
  readonly handshakeTimeoutMs: number;
  /** Bytes of the longest initial payload that is taken from a dialler. */
  readonly maxInitialPayload: number;
}

/** Used where the options say nothing else. */
export const DEFAULT_MSE_LIMITS: MseLimits = {
  /** As much as the handshake behind it gets. */
  handshakeTimeoutMs: 20_000,
  /** All that the length field can say; memory grows with what came, not with what is announced. */
  maxInitialPayload: 0xffff,
};

/** What a handshake is made from. */
export type MseOptions =
  & {
    /** Draws keys, which must be hard to guess, and padding. */
    readonly random: Random;
    /** How much encryption is wanted; `preferred` by default. A handshake that is `disabled` cannot be dialled. */
    readonly policy?: EncryptionPolicy;
    /** Other methods than those of the policy, the best first. */
    readonly methods?: readonly CryptoMethod[];
    /** Other bounds than the defaults. */
    readonly limits?: Partial<MseLimits>;
  }
  & (
    /** We dialled, so we know which torrent it is about. */
    | {
      readonly direction: "outgoing";
      /** 20 bytes: the v1 info hash, or the v2 info hash cut (BEP 52). */
      readonly infoHash: Uint8Array;
      /**
       * The first bytes of our stream, up to 65,535, to save a round trip: usually the BitTorrent handshake. Widely
       * used clients take no more than its 68 bytes.
       */
      readonly initialPayload?: Uint8Array;
    }
    /** We were dialled, and shall hear about the torrent in an `skey` effect. */
    | { readonly direction: "incoming" }
  );

/** What happened in the world. Times are the `now` of the call. */
export type MseInput =
  /** Bytes came; the memory may be used again after the call. */
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  /** The answer to an `skey` effect: yes, it is this torrent. */
  | {
    readonly type: "accept";
    readonly infoHash: Uint8Array;
    /** The first bytes of our stream, to ride along. */
    readonly initialPayload?: Uint8Array;
  }
  /** The other answer to an `skey` effect: we have no such torrent. */
  | { readonly type: "refuse" }
  /** `deadline()` was reached. The first one starts an outgoing handshake. */
  | { readonly type: "tick" }
  /** End the connection. */
  | { readonly type: "close" };

/** Why there will be no encrypted stream. Also the text a user sees. */
export type MseCloseReason =
  | "the peer's public key is out of range"
  | "the peer does not speak MSE"
  | "the peer answered with a plain handshake"
  | "the peer's handshake is plain where encryption is required"
  | "the peer knows another secret"
  | "padding too long"
  | "initial payload too long"
  | "no method in common"
  | "the peer chose a method that was not offered"
  | "too many bytes before the torrent was accepted"
  | "no such torrent"
  | "encrypted handshake timed out"
  | "closed by us";

/** What the world must do now, in this order. After `plain`, `open` and `close` the machine answers `[]`. */
export type MseEffect =
  | { readonly type: "write"; readonly bytes: Uint8Array }
  /** An incoming connection asks for the torrent whose `skeyHash` this is; bytes that follow are kept until the answer. */
  | { readonly type: "skey"; readonly hash: Uint8Array }
  /** An incoming connection speaks bare BitTorrent. These are its bytes so far. */
  | { readonly type: "plain"; readonly bytes: Uint8Array }
  /** Both sides agreed. From here on the stream is the caller's: through the ciphers if there are any. */
  | {
    readonly type: "open";
    readonly method: CryptoMethod;
    /** The torrent. */
    readonly infoHash: Uint8Array;
    /** The first bytes of the peer's stream, decrypted: what rode along, and what came right behind. */
    readonly initialPayload: Uint8Array;
    /** Of `rc4`; they stand where the stream goes on. They belong to whoever takes the stream over. */
    readonly ciphers: StreamCiphers | undefined;
  }
  /** The connection is to be closed. */
  | { readonly type: "close"; readonly reason: MseCloseReason };
