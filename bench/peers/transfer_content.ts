/** The contents that are transferred: 2 GiB in one file, 1 GiB in 10,000 files, made once, with their torrents. */

import { createHash } from "node:crypto";
import { encode } from "../../src/bencode/encode.ts";

/** A torrent and where its content lies. */
export interface Sample {
  readonly name: string;
  /** Path of the torrent file. */
  readonly torrent: string;
  /** Path of a file with the SHA-1 of all pieces. */
  readonly pieces: string;
  /** Path of the content in one file, in the order of the torrent. */
  readonly flat: string;
  /** Folder that holds the content as the torrent names it. */
  readonly directory: string;
  /** File or folder of the torrent, below a download folder. */
  readonly root: string;
  readonly infoHash: string;
  readonly length: number;
  readonly pieceLength: number;
}

/** The torrents: length in MiB, length of a piece in KiB, number of files. */
const SHAPES: Readonly<Record<string, { length: number; piece: number; files: number }>> = {
  single1024: { length: 2048, piece: 1024, files: 1 },
  single256: { length: 2048, piece: 256, files: 1 },
  many1024: { length: 1024, piece: 1024, files: 10_000 },
};

/** Names of the torrents there are. */
export const SAMPLES: readonly string[] = Object.keys(SHAPES);

/** Folders of the torrent with many files. */
const FOLDERS = 100;

/** Makes a torrent and its content below a folder, or finds what an earlier run has made. */
export async function makeSample(folder: string, name: string, announce: string): Promise<Sample> {
  const shape = SHAPES[name];
  if (shape === undefined) throw new Error(`There is no torrent "${name}", only ${SAMPLES.join(", ")}`);
  const length = shape.length * 2 ** 20, pieceLength = shape.piece * 1024;
  const root = shape.files === 1 ? `${shape.length}.bin` : "many", flat = `${folder}/${shape.length}.bin`;
  const [torrent, pieces] = [`${folder}/${name}.torrent`, `${folder}/${name}.pieces`];
  await makeRandom(flat, length);
  const lengths = shape.files === 1 ? undefined : shares(length, shape.files);
  if (lengths) await layOut(flat, `${folder}/${root}`, lengths);
  const hashes = await Deno.readFile(pieces).catch(() => hashPieces(flat, length, pieceLength));
  const files = lengths && { files: lengths.map((size, i) => ({ length: size, path: pathOf(i) })) };
  const info = { ...(files ?? { length }), name: root, "piece length": pieceLength, pieces: hashes };
  await Deno.writeFile(pieces, hashes);
  await Deno.writeFile(torrent, encode({ announce, info }));
  const infoHash = createHash("sha1").update(encode(info)).digest("hex");
  return { name, torrent, pieces, flat, directory: folder, root, infoHash, length, pieceLength };
}

async function makeRandom(path: string, length: number): Promise<void> {
  if ((await Deno.stat(path).catch(() => undefined))?.size === length) return;
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const chunk = new Uint8Array(65536);
  for (let at = 0; at < length; at += chunk.length) file.writeSync(crypto.getRandomValues(chunk));
}

/** Lengths of files from tiny to large, the same in every run. */
function shares(length: number, count: number): number[] {
  const weights = Array.from(
    { length: count },
    (_, i) => 0.01 - Math.log(((i * 7919) % count + 0.5) / count),
  );
  const sum = weights.reduce((a, b) => a + b), lengths = weights.map((w) => Math.floor(length * w / sum));
  lengths[0]! += length - lengths.reduce((a, b) => a + b);
  return lengths;
}

function pathOf(index: number): string[] {
  return [`d${index % FOLDERS}`, `f${String(index).padStart(5, "0")}.bin`];
}

async function layOut(flat: string, root: string, lengths: readonly number[]): Promise<void> {
  if (await Deno.stat(root).catch(() => undefined)) return;
  using content = await Deno.open(flat);
  for (let i = 0; i < FOLDERS; i++) await Deno.mkdir(`${root}/d${i}`, { recursive: true });
  for (const [index, length] of lengths.entries()) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) at += content.readSync(bytes.subarray(at)) ?? length;
    Deno.writeFileSync(`${root}/${pathOf(index).join("/")}`, bytes);
  }
}

function hashPieces(path: string, length: number, pieceLength: number): Uint8Array {
  using file = Deno.openSync(path);
  const piece = new Uint8Array(pieceLength), hashes = new Uint8Array(length / pieceLength * 20);
  for (let index = 0; index * pieceLength < length; index++) {
    for (let at = 0; at < pieceLength;) at += file.readSync(piece.subarray(at)) ?? pieceLength;
    hashes.set(createHash("sha1").update(piece).digest(), index * 20);
  }
  return hashes;
}
