/** What files are besides content: symbolic links, programs, and padding between them (BEP 47). */
import { assertEquals } from "@std/assert";
import { createTorrent } from "../../src/metainfo/create.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import {
  type Content,
  LIBTORRENT,
  PYTHON,
  readWithLibtorrent,
  type Torrent,
  type TorrentVersion,
} from "./contents.ts";
import { interop, us } from "./interop.ts";
import { command, type Lab } from "./lab.ts";
import { downloadJob, type Pair, seedJob } from "./pair.ts";

/** Paths and what is there: bytes, or where a link leads. */
const TREE: Readonly<Record<string, number | string>> = {
  "bin/run": 70_000,
  "data": 16_384,
  "lib/.hidden": 40_001,
  "lib/beside": ".hidden",
  "lib/upward": "../bin/run",
  "programs": "bin",
};

const NAME = "furnished", CONTENT: Content = { name: NAME, label: "", pieceLength: 32_768, files: [] };

async function writeTree(folder: string): Promise<void> {
  for (const [path, what] of Object.entries(TREE)) {
    const full = `${folder}/${NAME}/${path}`;
    await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    if (typeof what === "string") await Deno.symlink(what, full);
    else await Deno.writeFile(full, Uint8Array.from({ length: what }, (_, i) => i % 251));
  }
  await Deno.chmod(`${folder}/${NAME}/bin/run`, 0o755);
}

/** A line for each path below a folder: where it leads, or whether it is a program, and its hash. */
async function readTree(folder: string): Promise<string> {
  const script =
    `cd "$1" && find . -type l -printf '%P -> %l\\n' -o -type f -perm /100 -printf '%P is a program\\n' && ` +
    `find . -type f -exec sha1sum {} +`;
  return (await command("sh", ["-c", script, "sh", `${folder}/${NAME}`])).trim().split("\n").sort().join(
    "\n",
  );
}

async function prepare(lab: Lab, version: TorrentVersion): Promise<Pair> {
  const seedFolder = lab.host(2).folder("seed"), path = `${lab.folder}/x.torrent`;
  await writeTree(seedFolder);
  const source = `${seedFolder}/${NAME}`, length = String(CONTENT.pieceLength);
  await command(PYTHON, [LIBTORRENT, "make", source, path, version, length, "links"]);
  const torrent: Torrent = { path, content: CONTENT };
  return { torrent, seedFolder, downloadFolder: lab.host(3).folder("download") };
}

for (const version of ["1", "hybrid", "2"] as const) {
  interop(`we download links and programs from libtorrent, version ${version}`, { hosts: 3 }, async (lab) => {
    const pair = await prepare(lab, version), seed = await libtorrent.start(lab.host(2), seedJob(pair));
    await (await us.start(lab.host(3), downloadJob(pair, seed.address))).complete();
    assertEquals(await readTree(pair.downloadFolder), await readTree(pair.seedFolder));
  });

  interop(
    `libtorrent downloads links and programs from us, version ${version}`,
    { hosts: 3 },
    async (lab) => {
      const pair = await prepare(lab, version), seed = await us.start(lab.host(2), seedJob(pair));
      await (await libtorrent.start(lab.host(3), downloadJob(pair, seed.address))).complete();
      assertEquals(await readTree(pair.downloadFolder), await readTree(pair.seedFolder));
    },
  );
}

interop(
  "libtorrent reads the links and programs of a torrent of ours",
  { hosts: 1, oursOnly: true },
  async (lab) => {
    const content = new Uint8Array(5), path = `${lab.folder}/x.torrent`;
    for (const version of ["1", "hybrid", "2"] as const) {
      const files = [
        { path: ["bin", "run"], content, executable: true },
        { path: ["lib", "upward"], symlink: ["bin", "run"] },
      ];
      await Deno.writeFile(path, await createTorrent(files, { name: NAME, version }));
      const { files: read } = await readWithLibtorrent(path);
      assertEquals(
        read.filter(({ pad }) => !pad).map(({ path, link, executable }) => [path, link, executable]),
        [
          [`${NAME}/bin/run`, "", true],
          [`${NAME}/lib/upward`, `${NAME}/bin/run`, false],
        ],
      );
    }
  },
);
