/** A torrent machine alone, with peers that answer at once: its work without sockets, hashing and disk. Pieces of 256 KiB. */

import { Bitfield } from "../src/bytes/bitfield.ts";
import { uniformGeometry } from "../src/torrent/options.ts";
import { Torrent } from "../src/torrent/torrent.ts";
import type { TorrentEffect, TorrentInput } from "../src/torrent/vocabulary.ts";

const BLOCK = 16384, PIECE = 16 * BLOCK;
/** A partial seed costs its whole bitfield when it comes: more of them only make the preparation longer. */
const MOST_PARTIAL = 20;

let seed = 1;
const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;

type PeerMessage = Extract<TorrentInput, { type: "peerMessage" }>["message"];

/**
 * Nine peers of ten are seeds, the others have half; or all want something, if the machine has it. They answer every request in turn;
 * what is stored counts as lost again between the runs.
 */
export class TorrentRig {
  readonly pieceCount: number;
  readonly #torrent: Torrent;
  readonly #spare: Uint8Array[] = [];
  readonly #stored: number[] = [];
  readonly #block = new Uint8Array(BLOCK);
  readonly #asked: { peer: number; piece: number; begin: number }[] = [];
  readonly #reads: Extract<TorrentEffect, { type: "read" }>[] = [];
  #answered = 0;
  #now = 0;

  constructor(pieceCount: number, peers: number, have?: Bitfield) {
    this.pieceCount = pieceCount;
    const buffers = {
      take: (length: number) => this.#spare.pop() ?? new Uint8Array(length),
      give: (bytes: Uint8Array) => void this.#spare.push(bytes),
    };
    const limits = { maxPipeline: 50, maxPeers: 1000, uploadSlots: 1000 };
    const geometry = uniformGeometry(pieceCount * PIECE, PIECE), peerId = new Uint8Array(20);
    this.#torrent = new Torrent({ geometry, buffers, random, limits, peerId, ...(have && { have }) }, 0);
    for (let peer = 1; peer <= peers; peer++) {
      this.connect(peer);
      const isPartial = peer % 10 === 0 && peer <= 10 * MOST_PARTIAL;
      this.tell(peer, isPartial ? halfOf(pieceCount) : { type: have ? "haveNone" : "haveAll" });
      this.tell(peer, { type: have ? "interested" : "unchoke" });
    }
  }

  connect(peer: number): void {
    const peerId = new Uint8Array(20).fill(peer);
    new DataView(peerId.buffer).setUint32(0, peer);
    this.handle({
      ...{ type: "peerConnected", peer, peerId, fast: true, extended: true, allowedFast: [] },
      ...{ direction: "outgoing", address: { host: `10.0.${peer >> 8}.${peer & 255}`, port: 1 } },
    });
  }

  tell(peer: number, message: PeerMessage): void {
    this.handle({ type: "peerMessage", peer, message });
  }

  handle(input: TorrentInput): void {
    for (const effect of this.#torrent.handle(input, this.#now)) this.#take(effect);
  }

  #take(effect: TorrentEffect): void {
    if (effect.type === "read") this.#reads.push(effect);
    if (effect.type === "store") {
      this.#stored.push(effect.piece);
      this.handle({ type: "pieceStored", piece: effect.piece });
    }
    if (effect.type === "send" && effect.message.type === "request") {
      this.#asked.push({ peer: effect.peer, piece: effect.message.piece, begin: effect.message.begin });
    }
  }

  /** Every block is answered, in the order of the requests. */
  download(blocks: number): void {
    for (let i = 0; i < blocks; i++) {
      this.#now += 0.05;
      const { peer, piece, begin } = this.#asked[this.#answered++]!;
      this.tell(peer, { type: "piece", piece, begin, block: this.#block });
    }
  }

  /** Loses what has come since, so that there is always something to do. */
  forget(): void {
    this.#asked.splice(0, this.#answered);
    this.#answered = 0;
    this.handle({ type: "piecesLost", pieces: this.#stored.splice(0) });
  }

  /** Requests of one peer, read and sent one by one. */
  upload(blocks: number, peer: number): void {
    for (let i = 0; i < blocks; i++) {
      this.tell(peer, { type: "request", piece: this.piece(), begin: 0, length: BLOCK });
      for (const { piece, begin, length, peer } of this.#reads.splice(0)) {
        this.handle({ type: "blocksSent", peer, ranges: [{ piece, begin, length }] });
      }
    }
  }

  /** Goes on to the next round of choking and sweeping, ten seconds later. */
  round(): void {
    this.#now += 10_000;
    this.handle({ type: "tick" });
  }

  piece(): number {
    return Math.floor(random() * this.pieceCount);
  }
}

/** About half of the pieces, as a peer says it. */
export function halfOf(pieceCount: number): PeerMessage {
  const bits = new Bitfield(pieceCount).toBytes();
  for (let i = 0; i < bits.length; i++) bits[i] = random() * 256;
  bits[bits.length - 1]! &= 0xff00 >> ((pieceCount - 1) % 8 + 1);
  return { type: "bitfield", bits };
}
