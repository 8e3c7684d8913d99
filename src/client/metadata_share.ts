/** Gives the info dictionary to peers that have only its hash (BEP 9 "extension message"). */

import type { Metainfo } from "../metainfo/metainfo.ts";
import {
  METADATA_BLOCK_LENGTH,
  metadataBlockLength,
  type MetadataMessage,
} from "../wire/messages/metadata.ts";
import type { PeerSocket } from "./peer_socket.ts";

/** A peer that asks for every block twice has lost some; one that asks more often is up to no good. */
const MOST_ANSWERS_PER_BLOCK = 2;

/** Whether peers may have the info dictionary: not of a private torrent (BEP 27; libtorrent and Transmission agree). */
export function isMetadataShared({ info }: Metainfo): boolean {
  return !info.private;
}

/** Answers requests for metadata, each peer's up to a bound. */
export class MetadataShare {
  readonly #metainfo: Metainfo;
  readonly #answered = new WeakMap<PeerSocket, number>();

  /** Gives out the raw info dictionary. */
  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo;
  }

  /** The block that the peer asks for, or a reject (BEP 9 "reject": also for peers that ask too much). */
  answer(socket: PeerSocket, piece: number): MetadataMessage {
    const { rawInfo } = this.#metainfo, answered = this.#answered.get(socket) ?? 0;
    const blockCount = Math.ceil(rawInfo.length / METADATA_BLOCK_LENGTH);
    const isFlood = answered >= blockCount * MOST_ANSWERS_PER_BLOCK;
    if (!isMetadataShared(this.#metainfo) || piece >= blockCount || isFlood) {
      return { type: "metadataReject", piece };
    }
    this.#answered.set(socket, answered + 1);
    const start = piece * METADATA_BLOCK_LENGTH;
    const block = rawInfo.subarray(start, start + metadataBlockLength(piece, rawInfo.length));
    return { type: "metadataData", piece, totalSize: rawInfo.length, block };
  }
}
