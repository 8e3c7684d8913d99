/**
 * The torrent machine's hot paths at three sizes of torrent: what a block and a `have` cost must not grow with the number
 * of pieces. Twenty peers, half of them seeds; every iteration is a thousand messages.
 */

import { Bitfield } from "../src/bytes/bitfield.ts";
import { uniformGeometry } from "../src/torrent/options.ts";
import { Torrent } from "../src/torrent/torrent.ts";
import type { TorrentEffect, TorrentInput } from "../src/torrent/vocabulary.ts";

const BLOCK = 16384;
const PIECE = 4 * BLOCK;
const MESSAGES = 1000;
const PEERS = 20;

let seed = 1;
const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;

/** Reuses piece memory, as a session does. */
const spare: Uint8Array[] = [];
const buffers = {
  take: (length: number) => spare.pop() ?? new Uint8Array(length),
  give: (bytes: Uint8Array) => void spare.push(bytes),
};

/** A machine whose seeds answer at once; its content is lost again as quickly as it comes. */
class Rig {
  readonly torrent: Torrent;
  readonly stored: number[] = [];
  now = 0;
  readonly #block = new Uint8Array(BLOCK);
  readonly #asked: { peer: number; piece: number; begin: number }[] = [];
  #answered = 0;

  constructor(pieceCount: number) {
    const geometry = uniformGeometry(pieceCount * PIECE, PIECE);
    const limits = { maxPipeline: 50 };
    this.torrent = new Torrent({ geometry, buffers, random, limits, peerId: new Uint8Array(20) }, 0);
    for (let peer = 1; peer <= PEERS; peer++) this.#connect(peer, pieceCount);
  }

  #connect(peer: number, pieceCount: number): void {
    const address = { host: `10.0.0.${peer}`, port: 1 };
    const facts = { fast: true, extended: true, direction: "outgoing", allowedFast: [] } as const;
    this.handle({ type: "peerConnected", peer, address, peerId: new Uint8Array(20).fill(peer), ...facts });
    if (peer > PEERS / 2) return this.#announceHalf(peer, pieceCount);
    this.handle({ type: "peerMessage", peer, message: { type: "haveAll" } });
    this.handle({ type: "peerMessage", peer, message: { type: "unchoke" } });
  }

  #announceHalf(peer: number, pieceCount: number): void {
    const have = new Bitfield(pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) if (random() < 0.5) have.set(piece);
    this.handle({ type: "peerMessage", peer, message: { type: "bitfield", bits: have.toBytes() } });
  }

  handle(input: TorrentInput): void {
    for (const effect of this.torrent.handle(input, this.now)) this.#take(effect);
  }

  #take(effect: TorrentEffect): void {
    if (effect.type === "send" && effect.message.type === "request") {
      this.#asked.push({ peer: effect.peer, piece: effect.message.piece, begin: effect.message.begin });
    }
    if (effect.type === "store") {
      this.stored.push(effect.piece);
      this.handle({ type: "pieceStored", piece: effect.piece });
    }
  }

  download(blocks: number): void {
    for (let i = 0; i < blocks; i++) {
      this.now += 0.05;
      const { peer, piece, begin } = this.#asked[this.#answered++]!;
      this.handle({
        type: "peerMessage",
        peer,
        message: { type: "piece", piece, begin, block: this.#block },
      });
    }
  }

  /** Loses what has come since, so that there is always something to do. */
  forget(): void {
    this.#asked.splice(0, this.#answered);
    this.#answered = 0;
    this.handle({ type: "piecesLost", pieces: this.stored.splice(0) });
  }
}

for (const pieceCount of [1_000, 100_000, 2_000_000]) {
  const rig = new Rig(pieceCount);
  const group = `${pieceCount} pieces`;

  Deno.bench(`1,000 blocks, ${group}`, { group: "block" }, (b) => {
    b.start();
    rig.download(MESSAGES);
    b.end();
    rig.forget();
  });

  Deno.bench(`1,000 haves, ${group}`, { group: "have" }, (b) => {
    const pieces = Array.from({ length: MESSAGES }, () => Math.floor(random() * pieceCount));
    b.start();
    for (const piece of pieces) {
      rig.handle({ type: "peerMessage", peer: PEERS, message: { type: "have", piece } });
    }
    b.end();
    for (const piece of pieces) rig.handle({ type: "peerDontHave", peer: PEERS, piece });
  });
}
