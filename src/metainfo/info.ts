/** What an info dictionary says, of whichever version it is (BEP 3, 27, 38, 39, 47, 52): the nouns of a torrent. */

/** Which protocol a torrent speaks: `"1"` BEP 3, `"2"` BEP 52, `"hybrid"` both over the same content. */
export type TorrentVersion = "1" | "2" | "hybrid";

/** One file of a torrent, a pad file included (BEP 47). */
export interface TorrentFile {
  /** Index in {@linkcode TorrentInfo.files}; pad files count. What `so=` in a magnet link means (BEP 53). */
  readonly index: number;
  /**
   * Where to store it: safe segments, no two files alike. The torrent's name is the first segment, and of a torrent
   * that is one bare file the only one. A pad file has its path as well, which nobody needs.
   */
  readonly path: readonly string[];
  /** The segments below the torrent's folder as the torrent spells them, if that differs from `path`. */
  readonly originalPath?: readonly Uint8Array[];
  /** Bytes. Zero for a symbolic link. */
  readonly length: number;
  /** Where it starts in the piece space, in bytes. */
  readonly offset: number;
  /** Whether it is padding: zeros that nobody stores (BEP 47 "padding files"). */
  readonly pad: boolean;
  /** Attribute `x` (BEP 47). */
  readonly executable: boolean;
  /** Attribute `h` (BEP 47). */
  readonly hidden: boolean;
  /** Attribute `l`: the path of the target, which is another file or a folder of this torrent (BEP 47 "symlinks"). */
  readonly symlink?: readonly string[];
  /** Root of the Merkle tree of its 16 KiB blocks, 32 bytes; absent from v1 torrents and empty files (BEP 52). */
  readonly piecesRoot?: Uint8Array;
  /** SHA-1 of the whole file, a hint only (BEP 47 "sha1"). */
  readonly sha1?: Uint8Array;
}

/**
 * The content of a torrent and how it is cut into pieces. Piece `p` starts at byte `p * pieceLength` of the piece
 * space. In it, the files of a v1 or hybrid torrent follow each other without gaps; each file of a v2 torrent starts
 * at a piece and ends with a short one. `geometry.ts` answers the questions.
 */
export interface TorrentInfo {
  /** Which protocol. */
  readonly version: TorrentVersion;
  /** Advisory name, safe as a path segment. */
  readonly name: string;
  /** Whether the files stand in a folder called `name`; else the torrent is one bare file. */
  readonly multiFile: boolean;
  /** Bytes of a full piece. */
  readonly pieceLength: number;
  /** Number of pieces, at least 1. */
  readonly pieceCount: number;
  /** End of the last file in the piece space, in bytes: pad files and, in v2 torrents, gaps included. */
  readonly length: number;
  /** Bytes of all files without padding: what a user gets. */
  readonly contentLength: number;
  /** Peers may come from the trackers alone (BEP 27). */
  readonly private: boolean;
  /** Every file in piece space order, pad files included, at least one. */
  readonly files: readonly TorrentFile[];
  /** SHA-1 of every piece, 20 bytes each; absent from v2-only torrents. */
  readonly pieces?: Uint8Array;
  /** Free text by which private trackers make info hashes differ. */
  readonly source?: string;
  /** Info hashes of torrents that may share files (BEP 38). */
  readonly similar: readonly Uint8Array[];
  /** Names of collections that this torrent belongs to (BEP 38). */
  readonly collections: readonly string[];
  /** Where a newer version of this torrent would be (BEP 39). */
  readonly updateUrl?: string;
}
