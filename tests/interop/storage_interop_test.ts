import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { CLI, isCompletion } from "./clients/ours.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { endpoint } from "./clients/client.ts";
import { fingerprint, SINGLE } from "./contents.ts";
import { type Lab, type Outcome, type Running, until } from "./lab.ts";
import { interop, type Pair, preparePair, us } from "./matrix.ts";

/** Exit code 1 and exactly one line on standard error, which names what could not be done. */
function assertFailed(outcome: Outcome, ...words: RegExp[]): void {
  assertEquals(outcome.code, 1, outcome.stderr);
  const lines = outcome.stderr.trimEnd().split("\n");
  assertEquals(lines.length, 1, outcome.stderr);
  for (const word of words) assertMatch(lines[0] ?? "", word);
}

function assertNoCompletion(outcome: Outcome): void {
  const events = outcome.stdout.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  assertEquals(events.filter(isCompletion), [], "it said that the download is complete");
}

async function startSeed(lab: Lab, pair: Pair, uploadLimit = 0): Promise<string> {
  const job = { role: "seed", folder: pair.seedFolder, torrent: pair.torrent, uploadLimit } as const;
  return (await libtorrent.start(lab.host(2), job)).address;
}

async function download(lab: Lab, pair: Pair, folder: string): Promise<Outcome> {
  const peer = ["--peer", endpoint(lab.host(2).address)];
  return await lab.host(3).run([...CLI, "download", pair.torrent.path, "-o", folder, "--json", ...peer]);
}

async function outcomeOf(process: Running): Promise<Outcome> {
  return { code: await process.exitCode(30_000), stdout: process.stdout(), stderr: process.stderr() };
}

interop("a full disk ends our download with one clear line", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  await startSeed(lab, pair);
  const outcome = await download(lab, pair, await lab.mountDisk("small", "size=1m"));
  assertFailed(outcome, /space|full/i);
  assertNoCompletion(outcome);
});

interop(
  "a read-only folder ends our download with one clear line",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const pair = await preparePair(lab, SINGLE);
    await startSeed(lab, pair);
    const outcome = await download(lab, pair, await lab.mountDisk("fixed", "ro"));
    assertFailed(outcome, /read-only/i);
    assertNoCompletion(outcome);
  },
);

interop(
  "a file cut short under our download is noticed: an error or the right bytes",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const pair = await preparePair(lab, SINGLE);
    const seed = await startSeed(lab, pair, 1_000_000);
    const args = ["download", pair.torrent.path, "-o", pair.downloadFolder, "--json", "--peer", seed];
    const process = lab.host(3).spawn("ours", [...CLI, ...args]);
    await until(
      "some pieces are there",
      () => process.events().filter((event) => event.type === "piece").length > 10,
    );
    const files = Array.from(Deno.readDirSync(pair.downloadFolder)).filter((entry) => entry.isFile);
    for (const file of files.filter((entry) => entry.name.startsWith(SINGLE.name))) {
      await Deno.truncate(`${pair.downloadFolder}/${file.name}`, 1000);
    }
    const outcome = await outcomeOf(process);
    if (outcome.code === 0) {
      assertEquals(
        await fingerprint(SINGLE, pair.downloadFolder),
        await fingerprint(SINGLE, pair.seedFolder),
      );
    } else {
      assertFailed(outcome);
      assertNoCompletion(outcome);
    }
  },
);

interop("a file changed under our seed spoils no download", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const job = { role: "seed", folder: pair.seedFolder, torrent: pair.torrent } as const;
  const seed = await us.start(lab.host(2), job);
  const path = `${pair.seedFolder}/${SINGLE.name}`;
  await Deno.truncate(path, 1_000_000);
  const downloadJob = { role: "download", folder: pair.downloadFolder, torrent: pair.torrent } as const;
  const peer = await libtorrent.start(lab.host(3), { ...downloadJob, peers: [seed.address] });
  const outcome = await outcomeOf(seed.process);
  assertFailed(outcome, /one\.bin/);
  assert(!peer.process.events().some((event) => event.event === "complete"));
});

interop(
  "verify and seed refuse content that is not the torrent's",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const pair = await preparePair(lab, SINGLE);
    const path = `${pair.seedFolder}/${SINGLE.name}`;
    const whole = await lab.host(3).run([...CLI, "verify", pair.torrent.path, pair.seedFolder]);
    assertEquals(whole.code, 0, whole.stderr);
    const file = await Deno.open(path, { write: true });
    await file.seek(2_000_000, Deno.SeekMode.Start);
    await file.write(new Uint8Array([1, 2, 3, 4]));
    file.close();
    const damaged = await lab.host(3).run([...CLI, "verify", pair.torrent.path, pair.seedFolder]);
    assertEquals(damaged.code, 1);
    assertNotEquals(damaged.stdout + damaged.stderr, "");
    const seed = lab.host(3).spawn("ours", [...CLI, "seed", pair.torrent.path, pair.seedFolder, "--json"]);
    assertFailed(await outcomeOf(seed));
  },
);
