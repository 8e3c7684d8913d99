/**
 * A script as BEP 17 has it, which serves pieces: run with the torrent, the folder of its content, where to listen, and
 * perhaps "busy", which turns one request away for a second.
 */
import { pieceFiles } from "../../../src/metainfo/geometry.ts";
import { readMetainfo } from "../../../src/metainfo/metainfo.ts";

const [torrent, folder, hostname, mood] = Deno.args as [string, string, string, string?];
const { info } = await readMetainfo(await Deno.readFile(torrent));

async function readPiece(piece: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts = await Promise.all(
    pieceFiles(info, piece).map(async ({ file, fileOffset, length }) =>
      (await Deno.readFile([folder, ...file.path].join("/"))).slice(fileOffset, fileOffset + length)
    ),
  );
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

const PORT = 8017;

let asked = 0;

Deno.serve({ hostname, port: PORT }, async (request) => {
  const { searchParams } = new URL(request.url);
  if (++asked === 3 && mood === "busy") return new Response("1", { status: 503 });
  const bytes = await readPiece(Number(searchParams.get("piece")));
  const ranges = searchParams.get("ranges")?.split(",").map((range) => range.split("-").map(Number));
  const parts = ranges?.map(([from, to]) => bytes.slice(from, to! + 1)) ?? [bytes];
  return new Response(await new Blob(parts).arrayBuffer()); // libtorrent wants to hear how long it is
});
