/**
 * Gives Merkle hashes to peers (BEP 52 "hash request"): those of piece layers from what we know, those below by hashing content that we
 * have. What we do not know, or what would cost too much, is refused.
 */

import { equals } from "@std/bytes/equals";
import { encodeHex } from "../bytes/text.ts";
import { BLOCK_LENGTH, pieceSize } from "../metainfo/geometry.ts";
import { answerHashes, buildHashTree, type HashTree, isHashQuery, treeNode } from "../metainfo/hash_tree.ts";
import type { TorrentFile } from "../metainfo/info.ts";
import { hashBlocks, padHash, parentLayer } from "../metainfo/merkle.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { NODE_LENGTH } from "../metainfo/node_hash.ts";
import { pieceNodeLayer } from "../metainfo/verify.ts";
import type { HashRange } from "../wire/messages/message.ts";
import type { PeerSocket } from "./peer_socket.ts";

/** Content hashed for one request that is about more than a piece: a thousand blocks. */
const MAX_HASHED = 16 * 1024 * 1024;
/** Requests for hashes below the pieces that wait, of all peers: more are refused, since one is worked on at a time. */
const MAX_WAITING = 32;
/** Content read at a time. */
const READ_LENGTH = 1024 * 1024;
/** A peer gets every hash twice over, with all proofs; one that asks for more is up to no good. */
const MOST_ANSWERS_PER_HASH = 4;
/** What a peer gets in any case. */
const LEAST_HASHES = 16384;

/** What a share needs. */
export interface HashShareOptions {
  /** The torrent, with the layers that are known by now. */
  readonly metainfo: Metainfo;
  /** Whether a piece is ours. */
  readonly has: (piece: number) => boolean;
  /** Fills `into` with verified content. */
  readonly read: (piece: number, begin: number, into: Uint8Array) => Promise<void>;
}

/** What one peer has got. */
interface Account {
  hashes: number;
  hashedBytes: number;
}

/** Answers requests for hashes. */
export class HashShare {
  readonly #options: HashShareOptions;
  readonly #files: Map<string, TorrentFile>;
  /** Trees on piece layers; together they are as large as the layers. */
  readonly #trees = new Map<string, HashTree>();
  readonly #accounts = new WeakMap<PeerSocket, Account>();
  #waiting = 0;
  #tail: Promise<unknown> = Promise.resolve();

  /** Gives out hashes of the files of a torrent. */
  constructor(options: HashShareOptions) {
    this.#options = options;
    const files = options.metainfo.info.files.filter(({ piecesRoot }) => piecesRoot !== undefined);
    this.#files = new Map(files.map((file) => [encodeHex(file.piecesRoot!), file]));
  }

  /** Answers a request with hashes or a reject, now or a little later. Never rejects. */
  async answer(socket: PeerSocket, message: HashRange): Promise<void> {
    const { baseLayer, index, length, proofLayers } = message, piecesRoot = message.piecesRoot.slice();
    const range = { piecesRoot, baseLayer, index, length, proofLayers };
    const file = this.#files.get(encodeHex(piecesRoot));
    const hashes = file && isHashQuery(range, file.length) ? this.#hashes(socket, file, range) : undefined;
    const answer = hashes instanceof Promise ? await hashes.catch(() => undefined) : hashes;
    if (answer === undefined) return socket.send({ type: "hashReject", ...range });
    this.#accountOf(socket).hashes += answer.length / NODE_LENGTH;
    socket.send({ type: "hashes", ...range, hashes: answer });
  }

  #hashes(
    socket: PeerSocket,
    file: TorrentFile,
    range: HashRange,
  ): Uint8Array | Promise<Uint8Array | undefined> | undefined {
    const { info } = this.#options.metainfo, account = this.#accountOf(socket);
    const top = pieceNodeLayer(file, info.pieceLength);
    if (account.hashes + range.length > MOST_ANSWERS_PER_HASH * info.pieceCount + LEAST_HASHES) {
      return undefined;
    }
    const tree = this.#treeOf(file);
    if (tree === undefined) return undefined;
    if (range.baseLayer >= top) {
      return answerHashes(range, file.length, (layer, index) => treeNode(tree, layer, index));
    }
    // Whole pieces are hashed, so that nothing is told that does not belong to the root.
    const pieces = Math.ceil(range.length / 2 ** (top - range.baseLayer));
    const cost = Math.min(file.length, pieces * info.pieceLength);
    const isTooMuch = account.hashedBytes + cost > info.contentLength + MAX_HASHED;
    if (pieces > 1 && cost > MAX_HASHED || isTooMuch || this.#waiting >= MAX_WAITING) return undefined;
    account.hashedBytes += cost;
    return this.#inTurn(async () => socket.isOver ? undefined : await this.#hashBelow(file, tree, range));
  }

  /** One at a time: who asks for many waits for himself. Nothing is hashed for a peer that has gone meanwhile. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const done = this.#tail.then(work).finally(() => this.#waiting--);
    this.#tail = done.catch(() => {});
    return done;
  }

  /** The tree on the piece layer of a file, or on its root if it has but one piece; `undefined` if it is not known. */
  #treeOf(file: TorrentFile): HashTree | undefined {
    const { info, pieceLayers } = this.#options.metainfo, root = encodeHex(file.piecesRoot!);
    const known = this.#trees.get(root);
    const layer = file.length > info.pieceLength ? pieceLayers.get(root) : file.piecesRoot;
    if (known || layer === undefined) return known;
    const tree = buildHashTree(layer, pieceNodeLayer(file, info.pieceLength), file.length);
    this.#trees.set(root, tree);
    return tree;
  }

  /** Hashes the pieces that a range lies over. @throws What reading throws. */
  async #hashBelow(file: TorrentFile, tree: HashTree, range: HashRange): Promise<Uint8Array | undefined> {
    const { info } = this.#options.metainfo, firstOfFile = file.offset / info.pieceLength;
    const perPiece = 2 ** (tree.base - range.baseLayer),
      pieceCount = Math.ceil(file.length / info.pieceLength);
    const first = Math.floor(range.index / perPiece);
    const last = Math.min(pieceCount, Math.ceil((range.index + range.length) / perPiece)) - 1;
    const below = new Map<number, readonly Uint8Array[]>();
    for (let piece = first; piece <= last; piece++) {
      const layers = await this.#layersOf(file, firstOfFile + piece, tree.base);
      // Hashes of something else would make us a liar.
      if (layers === undefined || !equals(layers[tree.base]!, treeNode(tree, tree.base, piece)!)) {
        return undefined;
      }
      below.set(piece, layers);
    }
    return answerHashes(range, file.length, (layer, index) => {
      if (layer >= tree.base) return treeNode(tree, layer, index);
      const size = 2 ** (tree.base - layer), nodes = below.get(Math.floor(index / size))?.[layer];
      const at = index % size * NODE_LENGTH;
      return nodes && at < nodes.length ? nodes.subarray(at, at + NODE_LENGTH) : padHash(layer);
    });
  }

  /** All layers of the tree of one piece up to `height`; `undefined` if it is not ours. */
  async #layersOf(file: TorrentFile, piece: number, height: number): Promise<Uint8Array[] | undefined> {
    const { has, metainfo: { info }, read } = this.#options;
    if (!has(piece)) return undefined;
    const end = file.offset + file.length - piece * info.pieceLength;
    const size = Math.min(pieceSize(info, piece), end), count = Math.ceil(size / BLOCK_LENGTH);
    const leaves = new Uint8Array(count * NODE_LENGTH);
    for (let at = 0; at < size; at += READ_LENGTH) {
      const bytes = new Uint8Array(Math.min(READ_LENGTH, size - at));
      await read(piece, at, bytes);
      leaves.set(await hashBlocks(bytes), at / BLOCK_LENGTH * NODE_LENGTH);
    }
    const layers: Uint8Array[] = [leaves];
    for (let layer = 0; layer < height; layer++) layers.push(parentLayer(layers[layer]!, layer));
    return layers;
  }

  #accountOf(socket: PeerSocket): Account {
    let account = this.#accounts.get(socket);
    if (account === undefined) this.#accounts.set(socket, account = { hashes: 0, hashedBytes: 0 });
    return account;
  }
}
