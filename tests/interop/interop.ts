/** How an interop test is registered, and who plays our part in it. */
import type { Client } from "./clients/client.ts";
import { libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { OPENTRACKER_NEEDS } from "./clients/opentracker.ts";
import { fetchDependencies, ours } from "./clients/ours.ts";
import { Lab, WaitedInVain } from "./lab.ts";

/** What our command line speaks, as far as the network goes: TCP without encryption. */
const STAND_IN: Client = {
  ...libtorrent,
  name: "we",
  start: (host, job) => startLibtorrent(host, job, { transport: "tcp", encryption: "refused" }),
};

/** Who plays our part: our command line, or libtorrent when the harness itself is to be proved. */
export const us: Client = Deno.env.get("INTEROP_US") === "libtorrent" ? STAND_IN : ours;

/** What makes the torrents, the tracker and the network of nearly every test. */
const ALWAYS_NEEDED = [...libtorrent.needs, ...OPENTRACKER_NEEDS, "/usr/bin/ip"];

function firstMissing(paths: readonly string[]): string | undefined {
  return paths.find((path) => {
    try {
      Deno.statSync(path);
      return false;
    } catch {
      return true;
    }
  });
}

async function runInLab(hosts: number, body: (lab: Lab) => Promise<void>): Promise<void> {
  await using lab = await Lab.open(hosts);
  try {
    await body(lab);
  } catch (error) {
    console.error(lab.logs());
    throw error;
  }
}

/**
 * Registers a test that runs in a lab of its own. Where a program is missing (or the rights to make hosts), the test is
 * left out and says so in its name; in CI it fails. What only our command line can do is no test for its stand-in.
 *
 * Other people's programs have races of their own, which no patience helps against: they miss the one moment to dial, or give
 * up. So whoever waited in vain tries once more in a new lab, and says so in a line that CI counts. What came out wrong
 * (bytes, bans, messages, exit codes) is wrong at once.
 */
export function interop(
  name: string,
  options: { hosts: number; needs?: readonly string[]; oursOnly?: boolean },
  body: (lab: Lab) => Promise<void>,
): void {
  if (options.oursOnly === true && us !== ours) return;
  const missing = Deno.uid() === 0
    ? firstMissing([...ALWAYS_NEEDED, ...us.needs, ...options.needs ?? []])
    : "root";
  const isLeftOut = missing !== undefined && Deno.env.get("CI") !== "true";
  Deno.test({
    name: isLeftOut ? `${name} (left out: no ${missing})` : name,
    ignore: isLeftOut,
    fn: async () => {
      if (missing !== undefined) throw new Error(`Cannot test "${name}": this machine has no ${missing}`);
      if (us === ours) await fetchDependencies();
      try {
        await runInLab(options.hosts, body);
      } catch (error) {
        if (!(error instanceof WaitedInVain)) throw error;
        console.error(`\ntried again: ${name}: ${error.message}`);
        await runInLab(options.hosts, body);
      }
    },
  });
}
