/**
 * Whole downloads and seeding over loopback, this library beside others, in turns. Prints the tables of bench/README.md.
 *
 *   deno run -A --env-file=.env.jsr bench/peers/transfer.ts leech [--rounds=3] [--torrents=single1024,…] [--only=ours,…]
 *   deno run -A --env-file=.env.jsr bench/peers/transfer.ts seed  [the same]
 *
 * Needs Linux, cc with OpenSSL's headers and 8 GiB in the work folder (--work, best a tmpfs; /dev/shm/bittorrent-bench);
 * python3-libtorrent, aria2, and node with npm for those contestants; `--only` leaves others out.
 */

import { parseArgs } from "node:util";
import { median } from "../contests/contest.ts";
import { head, row } from "../table.ts";
import {
  contestants,
  installWebtorrent,
  nativeLeech,
  SEED_PORT,
  startTracker,
  TRACKER_PORT,
} from "./contestants.ts";
import { buildNative, type Cost, measure, Server, succeed } from "./processes.ts";
import { makeSample, type Sample, SAMPLES } from "./transfer_content.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    torrents: { type: "string" },
    only: { type: "string" },
    work: { type: "string", default: "/dev/shm/bittorrent-bench" },
  },
});
const work = values.work, rounds = Number(values.rounds), into = `${work}/downloads`;
const everybody = contestants(work), names = values.only?.split(",") ?? Object.keys(everybody);

/** One row of measurements per contestant. */
type Results = Map<string, (Cost & { readonly rate: number })[]>;

async function leech(sample: Sample): Promise<Results> {
  const results: Results = new Map(names.map((name) => [name, []]));
  const seeder = await Server.start(everybody["limit (C)"]!.seed(sample));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const name of names) {
        const cost = await measureInto(everybody[name]!.leech(sample, into));
        if (cost === undefined) console.error(`${name} failed`);
        else if (round > 0) results.get(name)!.push({ ...cost, rate: sample.length / cost.wall / 1e6 });
        else if (name !== "limit (C)") await verify(sample);
        console.error(`${sample.name} ${round} ${name} ${cost?.wall.toFixed(2)}`);
      }
    }
  } finally {
    await seeder.stop();
  }
  return results;
}

/** The first round warms up caches; its download is compared with the content byte by byte. */
async function verify({ directory, root }: Sample): Promise<void> {
  await succeed("diff", ["-rq", `${directory}/${root}`, `${into}/${root}`]);
}

/** The command that pulls everything from the seeder at a port. */
type Pull = (seedPort: number) => readonly string[];

/** All seeders wait at once, each at its own port, and are pulled from in turns. */
async function seed(sample: Sample, pull: Pull): Promise<Results> {
  const seeders = await startSeeders(sample);
  const results: Results = new Map(seeders.keys().map((name) => [name, []]));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [name, { server, port }] of seeders) {
        const before = server.cpu, cost = await measureInto(pull(port));
        if (cost === undefined) console.error(`pulling from ${name} failed`);
        else if (round > 0) {
          const seeded = { wall: cost.wall, cpu: server.cpu - before, memory: server.memory };
          results.get(name)!.push({ ...seeded, rate: sample.length / cost.wall / 1e6 });
        }
      }
    }
  } finally {
    for (const { server } of seeders.values()) await server.stop();
  }
  return results;
}

/** Starts one after the other; who does not start is left out. */
async function startSeeders(sample: Sample): Promise<Map<string, { server: Server; port: number }>> {
  const seeders = new Map<string, { server: Server; port: number }>();
  for (const [index, name] of names.entries()) {
    const { seed, quietMs } = everybody[name]!, port = SEED_PORT + index;
    try {
      seeders.set(name, { server: await Server.start(seed(sample, port), quietMs), port });
    } catch (error) {
      console.error(`${name} is left out: ${error}`);
    }
  }
  return seeders;
}

async function measureInto(command: readonly string[]): Promise<Cost | undefined> {
  await Deno.remove(into, { recursive: true }).catch(() => {});
  await Deno.mkdir(into);
  return await measure(work, command);
}

/** A table with medians, and ratios to libtorrent where it took part. */
function print(title: string, results: Results): void {
  const columns = ["", "wall s", "CPU s", "peak MiB", "MB/s", "wall, CPU of libtorrent's"];
  console.log(`\n${title}\n\n${head(columns)}`);
  const rival = results.get("libtorrent");
  for (const [name, costs] of results) {
    if (costs.length === 0) continue;
    const of = (key: keyof Cost | "rate", from = costs) => median(from.map((cost) => cost[key]));
    const ratio = (key: keyof Cost) => rival?.length ? (of(key) / of(key, rival)).toFixed(2) : "–";
    const cells = [
      of("wall").toFixed(2),
      of("cpu").toFixed(2),
      of("memory").toFixed(0),
      of("rate").toFixed(0),
    ];
    console.log(row([name, ...cells, `${ratio("wall")}, ${ratio("cpu")}`]));
  }
}

await Deno.mkdir(work, { recursive: true });
await buildNative(work);
if (names.includes("webtorrent")) await installWebtorrent(work);
const tracker = startTracker();
try {
  for (
    const name of values.torrents?.split(",") ?? (positionals[0] === "seed" ? SAMPLES.slice(0, 1) : SAMPLES)
  ) {
    const sample = await makeSample(work, name, `http://127.0.0.1:${TRACKER_PORT}/announce`);
    if (positionals[0] === "leech") print(`Leech ${name}`, await leech(sample));
    else if (positionals[0] === "seed") {
      print(
        `Seed ${name} to a leecher in C`,
        await seed(sample, (port) => nativeLeech(work, sample, { port })),
      );
      const pull: Pull = (port) => everybody["libtorrent"]!.leech(sample, into, port);
      print(`Seed ${name} to libtorrent`, await seed(sample, pull));
    } else throw new Error("Say leech or seed");
  }
} finally {
  await tracker.shutdown();
  await Deno.remove(into, { recursive: true }).catch(() => {});
}
