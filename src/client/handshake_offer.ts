/** What our handshakes say: of a torrent, and of ourselves (BEP 10 "handshake message"). */

import type { PeerAddress } from "../peer/address.ts";
import { VERSION } from "../version.ts";
import type { TorrentOffer } from "../wire/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";

/** What `v` of our extension handshake says (BEP 10). */
const CLIENT_NAME = `network-bittorrent ${VERSION}`;

/** Requests that we queue per peer (`reqq`, BEP 10): libtorrent's number. The machine takes far more before it closes. */
const REQUEST_QUEUE = 2000;

/** What a handshake says of the torrent, as far as it is known. */
export interface TorrentFacts {
  /** Absent until the info dictionary is known. */
  readonly pieceCount?: number;
  /** Bytes of the info dictionary, if we give it to others (BEP 9). */
  readonly metadataSize?: number;
  /** We want nothing (BEP 21). */
  readonly uploadOnly?: boolean;
}

/** Whom we tell what. */
export interface HandshakeOfferOptions {
  readonly context: ClientContext;
  /** The other end. */
  readonly address: PeerAddress;
  /** The name of the torrent in this handshake. */
  readonly infoHash: Uint8Array;
  readonly facts: TorrentFacts;
  /** Extensions besides those of content and metadata. */
  readonly extensions: NonNullable<TorrentOffer["extensions"]>;
}

/** What a connection machine is told about a torrent. */
export function handshakeOffer(options: HandshakeOfferOptions): TorrentOffer {
  const { address, context, extensions, facts: { pieceCount, metadataSize, uploadOnly }, infoHash } = options;
  const listenPort = context.listenAddress?.port;
  return {
    infoHash,
    ...(pieceCount !== undefined && { pieceCount }),
    extensions: ["ut_metadata", "lt_donthave", "upload_only", ...extensions],
    extensionHandshake: {
      client: CLIENT_NAME,
      requestQueue: REQUEST_QUEUE,
      yourIp: address.host,
      ...(listenPort !== undefined && { listenPort }),
      ...(metadataSize !== undefined && { metadataSize }),
      ...(uploadOnly && { uploadOnly }),
      ...(context.encryption !== "disabled" && { prefersEncryption: context.encryption !== "allowed" }),
    },
  };
}
