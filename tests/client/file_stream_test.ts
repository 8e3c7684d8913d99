import { assertEquals, assertRejects } from "@std/assert";
import { streamFile, type StreamSource } from "../../src/client/file_stream.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";

const PIECE = 16384;

/** A file of ten pieces, all of them here; what was wanted is noted. */
async function tenPieces() {
  const torrent = await createTorrent([{ path: ["f"], content: new Uint8Array(10 * PIECE) }], {
    pieceLength: PIECE,
  });
  const { info } = await readMetainfo(torrent), wishes: (readonly number[])[] = [];
  const source: StreamSource = {
    info,
    want: (pieces) => void wishes.push(pieces),
    whenPiece: () => Promise.resolve(),
    read: (piece, _, into) => Promise.resolve(void into.fill(piece)),
  };
  return { source, file: info.files[0]!, wishes };
}

Deno.test("streamFile() wants nothing any more once it is read, cancelled or given up, be it that nobody reads on", async () => {
  const range = { start: 9 * PIECE, end: 10 * PIECE };
  for (const end of ["read", "cancelled", "given up"]) {
    const { source, file, wishes } = await tenPieces(), abort = new AbortController();
    const reader = streamFile(source, file, { ...range, signal: abort.signal }).getReader();
    assertEquals((await reader.read()).value?.length, PIECE);
    assertEquals(wishes, [[9]]);
    if (end === "read") assertEquals((await reader.read()).done, true);
    else if (end === "cancelled") await reader.cancel();
    else abort.abort(new Error("enough"));
    assertEquals(wishes, [[9], []], end);
    if (end === "given up") await assertRejects(() => reader.read(), Error, "enough");
    abort.abort();
    assertEquals(wishes.slice(2).flat(), []);
  }
});
