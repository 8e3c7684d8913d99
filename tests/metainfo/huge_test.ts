import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encode } from "../../src/bencode/encode.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";

/** A TiB: as many pieces of 512 KiB as a torrent may have, in 100,000 files. */
const PIECES = 2 ** 21, PIECE = 2 ** 19, FILES = 100_000;

function tebibyte(): Uint8Array {
  const share = Math.floor(PIECES * PIECE / FILES);
  const files = Array.from({ length: FILES }, (_, i) => {
    const length = i < FILES - 1 ? share : PIECES * PIECE - share * (FILES - 1);
    return { length, path: [`folder ${i % 300}`, `file ${i}.bin`] };
  });
  return encode({
    info: { files, name: "tebibyte", "piece length": PIECE, pieces: new Uint8Array(PIECES * 20) },
  });
}

Deno.test("readMetainfo() opens a torrent of a TiB without a second copy of its bytes", async () => {
  const bytes = tebibyte(), before = Deno.memoryUsage().external;
  const { info, rawInfo } = await readMetainfo(bytes);
  const grown = Deno.memoryUsage().external - before;
  assertEquals([info.pieceCount, info.files.length, info.length], [PIECES, FILES, PIECES * PIECE]);
  assertStrictEquals(info.pieces?.buffer, bytes.buffer);
  assertStrictEquals(rawInfo.buffer, bytes.buffer);
  assert(grown < bytes.length / 10, `${grown} bytes of buffers for a file of ${bytes.length}`);
});
