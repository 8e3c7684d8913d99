/** What goes into a peer connection and what comes out of it: one variant per message (BEP 3, 6, 10). */

import type { DecodeError } from "../errors.ts";
import type { ExtensionCodec, ExtensionMessage, ExtensionName } from "./extensions.ts";
import type { ExtensionHandshakeFields } from "./messages/extension.ts";
import type { PeerMessage } from "./messages/message.ts";
import type { EarlyBreach, RuleBreach } from "./rules.ts";

/** What a connection needs to know of its torrent. */
export interface TorrentOffer {
  /** 20 bytes: the v1 info hash, or the v2 info hash cut (BEP 52 "changes to the peer protocol"). */
  readonly infoHash: Uint8Array;
  /** How many pieces the torrent has; absent until the info dictionary is known. */
  readonly pieceCount?: number;
  /** The extensions that we understand (BEP 10); none by default. Give your own as codecs. */
  readonly extensions?: readonly (ExtensionName | ExtensionCodec)[];
  /** What else our extension handshake says. */
  readonly extensionHandshake?: ExtensionHandshakeFields;
}

/** What our handshake offers by its reserved bits. */
export interface OfferedFeatures {
  /** The fast extension (BEP 6); true by default. */
  readonly fast?: boolean;
  /** The extension protocol (BEP 10); true by default. */
  readonly extended?: boolean;
  /** We run a DHT node and want to hear about the peer's (BEP 5); false by default. */
  readonly dht?: boolean;
  /** A connection by the v1 info hash may be answered with the v2 info hash (BEP 52 "upgrade path"); false by default. */
  readonly v2?: boolean;
}

/** Bounds of time and memory; the defaults and their reasons stand in {@linkcode DEFAULT_CONNECTION_LIMITS}. */
export interface ConnectionLimits {
  /** Bytes of the longest message. */
  readonly maxMessageLength: number;
  /** Bytes of the longest block that the peer may send or ask for. */
  readonly maxBlockLength: number;
  /** Bytes of messages that wait for the metadata. */
  readonly maxWaitingLength: number;
  /** Until the peer's handshake must be complete, in milliseconds from the start. */
  readonly handshakeTimeoutMs: number;
  /** Our silence before a keep-alive is sent. */
  readonly keepAliveMs: number;
  /** The peer's silence before it is given up. */
  readonly silenceMs: number;
}

/** Used where the options say nothing else. */
export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  /** As libtorrent; the bitfield of eight million pieces. */
  maxMessageLength: 1 << 20,
  /** BEP 3 "request": "all current implementations use 2^14, and close connections which request [more]". */
  maxBlockLength: 1 << 14,
  /** The longest bitfield and a hundred thousand pieces announced after it. */
  maxWaitingLength: 1 << 21,
  /** Three round trips over a bad line. */
  handshakeTimeoutMs: 20_000,
  /** BEP 3: keep-alives "generally … once every two minutes"; a little less for delays on the way. */
  keepAliveMs: 110_000,
  /** Two minutes, and half a minute for delays on the way. */
  silenceMs: 150_000,
};

/** What a connection is made from. */
export type ConnectionOptions =
  & {
    /** Our peer id, 20 bytes (BEP 20). */
    readonly peerId: Uint8Array;
    /** What we offer. */
    readonly features?: OfferedFeatures;
    /** Other bounds than the defaults. */
    readonly limits?: Partial<ConnectionLimits>;
  }
  & (
    /** We dialled, so we know which torrent it is about. */
    | {
      readonly direction: "outgoing";
      /** If we offer `v2`: the v2 info hash, cut to 20 bytes, that the peer may answer with. */
      readonly upgradedInfoHash?: Uint8Array;
    } & TorrentOffer
    /** We were dialled, and shall hear about the torrent in an `infoHash` effect. */
    | { readonly direction: "incoming" }
  );

/** What happened in the world. Times are the `now` of the call. */
export type ConnectionInput =
  /** Bytes came; the memory may be used again after the call, once its effects are dealt with. */
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  /** The answer to an `infoHash` effect: yes, we have that torrent. The other answer is `close`. */
  | { readonly type: "accept" } & TorrentOffer
  /** Send a message. Our own messages obey the same rules as the peer's. */
  | { readonly type: "send"; readonly message: PeerMessage }
  /** Send several messages in one write. */
  | { readonly type: "sendAll"; readonly messages: readonly PeerMessage[] }
  /** Send an extension message; nothing is sent if the peer does not understand it (see {@linkcode ExtensionTable}). */
  | { readonly type: "sendExtension"; readonly message: ExtensionMessage }
  /** Offer one more extension from now on: a later extension handshake says so (BEP 10 "handshake message"). */
  | { readonly type: "extend"; readonly extension: ExtensionCodec }
  /** Messages were written past this machine: our silence is broken. */
  | { readonly type: "written" }
  /** The info dictionary became known: messages that waited for it come out now. */
  | { readonly type: "pieceCount"; readonly pieceCount: number }
  /** `deadline()` was reached. The first one starts an outgoing connection: it writes our handshake. */
  | { readonly type: "tick" }
  /** End the connection. */
  | { readonly type: "close" };

/** Why a connection ended. Also the text a user sees. */
export type CloseReason =
  | "not a BitTorrent handshake"
  | "another torrent than asked for"
  | "connected to itself"
  | "handshake timed out"
  | "too many bytes before the handshake was answered"
  | "silent for too long"
  | "message too long"
  | "block too long"
  | "malformed message"
  | "malformed extension message"
  | "piece index out of range"
  | "bitfield of another length"
  | "request of a length out of range"
  | "too many messages before the metadata"
  | "closed by us"
  | RuleBreach
  | EarlyBreach;

/** What the world must do now, in this order. */
export type ConnectionEffect =
  | { readonly type: "write"; readonly bytes: Uint8Array }
  /** An incoming connection asks for this torrent; bytes that follow are kept until `accept`. */
  | { readonly type: "infoHash"; readonly infoHash: Uint8Array; readonly reserved: Uint8Array }
  /** Both handshakes are exchanged. */
  | {
    readonly type: "open";
    readonly peerId: Uint8Array;
    /** The hash that counts, after an upgrade the v2 one. */
    readonly infoHash: Uint8Array;
    /** Both sides speak the fast extension. */
    readonly fast: boolean;
    /** Both sides speak the extension protocol. */
    readonly extended: boolean;
    /** Both sides run a DHT node: a `port` message is welcome (BEP 5 "BitTorrent protocol extension"). */
    readonly dht: boolean;
    /** The peer's reserved bytes. */
    readonly reserved: Uint8Array;
  }
  /** Never a keep-alive or an `extended` message. Views inside are valid until the next `bytes` or `accept`. */
  | { readonly type: "message"; readonly message: PeerMessage }
  /** An extension handshake or message. Views inside are valid until the next `bytes` or `accept`. */
  | { readonly type: "extension"; readonly message: ExtensionMessage }
  /** The connection is to be closed; `error` says more about malformed bytes. The machine answers `[]` from now on. */
  | { readonly type: "close"; readonly reason: CloseReason; readonly error?: DecodeError };
