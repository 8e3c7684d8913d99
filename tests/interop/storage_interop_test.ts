import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { libtorrent } from "./clients/libtorrent.ts";
import { CLI, isCompletion } from "./clients/ours.ts";
import { fingerprint, SINGLE } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Lab, type Outcome, type Running, until } from "./lab.ts";
import { downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

/** Exit code 1 and exactly one line on standard error, which says what is the matter. */
function assertFailed(outcome: Outcome, words?: RegExp): void {
  assertEquals(outcome.code, 1, outcome.stderr);
  const lines = outcome.stderr.trimEnd().split("\n");
  assertEquals(lines.length, 1, outcome.stderr);
  if (words !== undefined) assertMatch(lines[0] ?? "", words);
}

function assertNoCompletion(outcome: Outcome): void {
  const lines = outcome.stdout.split("\n").filter((line) => line.startsWith("{"));
  assertEquals(
    lines.map((line) => JSON.parse(line)).filter(isCompletion),
    [],
    "it calls the download complete",
  );
}

/** Starts our download on host 3, from a libtorrent seed on host 2. */
async function startDownload(lab: Lab, pair: Pair, folder: string, uploadLimit = 0): Promise<Running> {
  const seed = await libtorrent.start(lab.host(2), { ...seedJob(pair), uploadLimit });
  const args = ["download", pair.torrent.path, "-o", folder, "--json", "--peer", seed.address];
  return lab.host(3).spawn("ours", [...CLI, ...args]);
}

async function outcomeOf(process: Running): Promise<Outcome> {
  const code = await process.exitCode(30_000);
  return { code, stdout: process.stdout(), stderr: process.stderr() };
}

const LABS = { hosts: 3, oursOnly: true };

interop("a full disk ends our download with one clear line", LABS, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const outcome = await outcomeOf(await startDownload(lab, pair, await lab.mountDisk("small", "size=1m")));
  assertFailed(outcome, /space|full/i);
  assertNoCompletion(outcome);
});

interop("a read-only folder ends our download with one clear line", LABS, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const outcome = await outcomeOf(await startDownload(lab, pair, await lab.mountDisk("fixed", "ro")));
  assertFailed(outcome, /read-only/i);
  assertNoCompletion(outcome);
});

interop("a file cut short under our download is noticed: an error or the right bytes", LABS, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const process = await startDownload(lab, pair, pair.downloadFolder, 1_000_000);
  const pieces = () => process.events().filter((event) => event.type === "piece").length;
  await until("some pieces are there", () => pieces() > 10);
  const files = Array.from(Deno.readDirSync(pair.downloadFolder)).filter((entry) => entry.isFile);
  for (const { name } of files) await Deno.truncate(`${pair.downloadFolder}/${name}`, 1000);
  const outcome = await outcomeOf(process);
  if (outcome.code !== 0) {
    assertFailed(outcome);
    assertNoCompletion(outcome);
  } else {
    assertEquals(await fingerprint(SINGLE, pair.downloadFolder), await fingerprint(SINGLE, pair.seedFolder));
  }
});

interop("a file cut short under our seed ends it with one clear line", LABS, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const seed = await us.start(lab.host(2), seedJob(pair));
  await Deno.truncate(`${pair.seedFolder}/${SINGLE.name}`, 1_000_000);
  const peer = await libtorrent.start(lab.host(3), downloadJob(pair, seed.address));
  assertFailed(await outcomeOf(seed.process), /one\.bin/);
  assert(!peer.process.events().some((event) => event.event === "complete"));
});

interop("verify and seed refuse content that is not the torrent's", LABS, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const verify = () => lab.host(3).run([...CLI, "verify", pair.torrent.path, pair.seedFolder]);
  const whole = await verify();
  assertEquals(whole.code, 0, whole.stderr);
  using file = await Deno.open(`${pair.seedFolder}/${SINGLE.name}`, { write: true });
  await file.seek(2_000_000, Deno.SeekMode.Start);
  await file.write(new Uint8Array([1, 2, 3, 4]));
  const damaged = await verify();
  assertEquals(damaged.code, 1);
  assertNotEquals(damaged.stdout + damaged.stderr, "");
  const seed = lab.host(3).spawn("ours", [...CLI, "seed", pair.torrent.path, pair.seedFolder, "--json"]);
  assertFailed(await outcomeOf(seed));
});
