/**
 * Making a torrent of one large file in the page cache, and checking it, beside other programs: whole processes in turns.
 * The limit is two `openssl dgst` side by side, each with one half. Programs that are not installed are left out.
 *
 *   deno run -A bench/peers/hashing.ts [ROUNDS] [MIB] [FOLDER, best a tmpfs]
 */

import { type CommandLine, denoRun, drawRuns, hasProgram, measureInTurns } from "./whole_process.ts";

const [rounds = "5", mib = "2048", parent = "/dev/shm"] = Deno.args;
const folder = await Deno.makeTempDir({ dir: parent }), length = Number(mib) * 2 ** 20;
const path = (name: string) => `${folder}/${name}`;

async function writeRandom(name: string, bytes: number): Promise<void> {
  using file = await Deno.open(path(name), { write: true, create: true });
  const chunk = new Uint8Array(1 << 20);
  for (let at = 0; at < bytes; at += chunk.length) {
    for (let i = 0; i < chunk.length; i += 65536) crypto.getRandomValues(chunk.subarray(i, i + 65536));
    await file.write(chunk);
  }
}

const LIBTORRENT = `
import sys, os, libtorrent as lt
files = lt.file_storage(); lt.add_files(files, sys.argv[1])
torrent = lt.create_torrent(files, 1 << 20, lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, os.path.dirname(sys.argv[1]))
open(sys.argv[2], "wb").write(lt.bencode(torrent.generate()))`;

const CREATE_TORRENT = `
import createTorrent from "npm:create-torrent@6.1.3";
createTorrent(Deno.args[0], { pieceLength: 1 << 20 }, (error, torrent) => {
  if (error) throw error;
  Deno.writeFileSync(Deno.args[1], torrent);
  Deno.exit();
});`;

const file = path("whole"), out = path("out.torrent");
const create = (version: string) =>
  denoRun(
    "src/cli/main.ts",
    "create",
    file,
    "-o",
    path(`v${version}`),
    "--piece-length",
    "1M",
    "--version",
    version,
  );
const verify = (version: string) => denoRun("src/cli/main.ts", "verify", path(`v${version}`), folder);

const COMMANDS: Readonly<Record<string, CommandLine>> = {
  "limit: two `openssl dgst -sha1`": [
    "sh",
    "-c",
    `openssl dgst -sha1 ${path("half1")} & openssl dgst -sha1 ${path("half2")}; wait`,
  ],
  "`mktorrent -t 2`": ["sh", "-c", `rm -f ${out}; mktorrent -t 2 -l 20 -o ${out} ${file}`],
  "**create**": create("1"),
  "**verify**": verify("1"),
  "**create, v2**": create("2"),
  "**verify, v2**": verify("2"),
  "**create, hybrid**": create("hybrid"),
  "**verify, hybrid**": verify("hybrid"),
  "one `openssl dgst -sha1`": ["openssl", "dgst", "-sha1", file],
  "one `openssl dgst -sha256`": ["openssl", "dgst", "-sha256", file],
  "libtorrent": ["/usr/bin/python3", "-c", LIBTORRENT, file, out],
  "`transmission-create`": ["transmission-create", "-s", "1024", "-o", out, file],
  "npm create-torrent": [Deno.execPath(), "run", "-A", path("create_torrent.mjs"), file, out],
};

try {
  await writeRandom("whole", length);
  await new Deno.Command("sh", {
    args: [
      "-c",
      `head -c ${length / 2} ${file} > ${path("half1")}; tail -c ${length / 2} ${file} > ${path("half2")}`,
    ],
  }).output();
  await Deno.writeTextFile(path("create_torrent.mjs"), CREATE_TORRENT);
  const missing = new Set<string>();
  for (const program of ["mktorrent", "transmission-create"]) {
    if (!await hasProgram(program)) missing.add(program);
  }
  const { success } = await new Deno.Command("/usr/bin/python3", {
    args: ["-c", "import libtorrent"],
    stderr: "null",
  })
    .output();
  if (!success) missing.add("libtorrent");
  const commands = Object.entries(COMMANDS).filter(([name]) =>
    ![...missing].some((lacking) => name.includes(lacking))
  );
  console.log(drawRuns(await measureInTurns(Object.fromEntries(commands), Number(rounds)), "the limit"));
} finally {
  await Deno.remove(folder, { recursive: true });
}
