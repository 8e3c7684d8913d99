/** What the metadata fetch hears and answers (BEP 9). */

import type { PeerAddress } from "../peer/address.ts";
import type { MetadataMessage } from "../wire/messages/metadata.ts";
import type { CandidateSource, PeerKey } from "./vocabulary.ts";

/** What happened in the world. */
export type MetadataFetchInput =
  /** A connection stands. */
  | {
    readonly type: "peerConnected";
    readonly peer: PeerKey;
    readonly address: PeerAddress;
    readonly direction: "outgoing" | "incoming";
  }
  /** The peer's extension handshake: it understands `ut_metadata`, and how long its metadata is, if it has it. */
  | { readonly type: "metadataOffered"; readonly peer: PeerKey; readonly size: number | undefined }
  /** Views inside `message` are valid during the call only. */
  | { readonly type: "metadataMessage"; readonly peer: PeerKey; readonly message: MetadataMessage }
  | { readonly type: "peerClosed"; readonly peer: PeerKey }
  /** A dial came to nothing; if our own peer id answered, the address is never dialled again. */
  | { readonly type: "dialFailed"; readonly address: PeerAddress; readonly isOurselves?: boolean }
  | {
    readonly type: "candidates";
    readonly source: CandidateSource;
    readonly addresses: readonly PeerAddress[];
  }
  /** The address under which peers of its family see us became known or changed; it orders the dials (BEP 40). */
  | { readonly type: "ourAddress"; readonly address: PeerAddress }
  /** The answer to a `verify` effect: whether the bytes hash to what the magnet link says. */
  | { readonly type: "verified"; readonly isValid: boolean }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** Why the machine ends a connection. */
export type MetadataCloseReason =
  | "banned"
  | "too many peers"
  | "has no metadata"
  | "metadata of a size out of range"
  | "metadata of another size than before";

/** What the world must do now, in this order. */
export type MetadataFetchEffect =
  | { readonly type: "send"; readonly peer: PeerKey; readonly message: MetadataMessage }
  | { readonly type: "dial"; readonly address: PeerAddress }
  | { readonly type: "close"; readonly peer: PeerKey; readonly reason: MetadataCloseReason }
  /** A peer sent metadata that is not the link's: never talk to this host again. */
  | { readonly type: "ban"; readonly host: string; readonly reason: string }
  /** Hash these bytes and say `verified`. */
  | { readonly type: "verify"; readonly bytes: Uint8Array }
  /** These bytes are the info dictionary. The machine answers `[]` from now on. */
  | { readonly type: "done"; readonly rawInfo: Uint8Array };
