/** Whole processes measured in turns: wall time, CPU time and peak memory of each, start-up included. Needs GNU time. */

import { median } from "../contests/contest.ts";
import { head, row } from "../table.ts";

/** A command line; the program must be on the path. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** What a run took. */
export interface Run {
  readonly wallS: number;
  /** User and system time of the process and all it started. */
  readonly cpuS: number;
  /** Resident memory of its largest process. */
  readonly peakMiB: number;
}

/** The deno of this process running a file of this repository. */
export function denoRun(file: string, ...args: string[]): CommandLine {
  const root = new URL("../../", import.meta.url).pathname;
  return [
    Deno.execPath(),
    "run",
    "-A",
    "--unstable-net",
    `--env-file=${root}.env.jsr`,
    `${root}${file}`,
    ...args,
  ];
}

/** Runs a command. @throws {Error} If it fails. */
export async function measure(command: CommandLine): Promise<Run> {
  const report = await Deno.makeTempFile(), start = performance.now();
  try {
    const { success, stderr } = await new Deno.Command("/usr/bin/time", {
      args: ["-o", report, "-f", "%U %S %M", ...command],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    const wallS = (performance.now() - start) / 1000;
    if (!success) throw new Error(`Cannot run ${command.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    const [user, system, kib] = (await Deno.readTextFile(report)).trim().split(" ").map(Number);
    return { wallS, cpuS: user! + system!, peakMiB: kib! / 1024 };
  } finally {
    await Deno.remove(report);
  }
}

/** Runs all commands in turns, the first round for nothing, and answers the median of each by its name. */
export async function measureInTurns(
  commands: Readonly<Record<string, CommandLine>>,
  rounds: number,
): Promise<Map<string, Run>> {
  const runs = new Map<string, Run[]>(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, command] of Object.entries(commands)) {
      const run = await measure(command);
      if (round > 0) runs.get(name)!.push(run);
    }
  }
  const middle = (all: readonly Run[], key: keyof Run) => median(all.map((run) => run[key]));
  return new Map(
    [...runs].map(([name, all]) => [name, {
      wallS: middle(all, "wallS"),
      cpuS: middle(all, "cpuS"),
      peakMiB: middle(all, "peakMiB"),
    }]),
  );
}

/** Whether a program is on the path. */
export async function hasProgram(program: string): Promise<boolean> {
  return (await new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" }).output())
    .success;
}

/** A table of runs; ratios are to the first, which is printed as `limit`. */
export function drawRuns(runs: ReadonlyMap<string, Run>, limit: string): string {
  const first = [...runs.values()][0]!;
  const rows = [...runs].map(([name, { wallS, cpuS, peakMiB }]) => {
    const ratio = (wallS / first.wallS).toFixed(2);
    return row([name, wallS.toFixed(3), ratio, cpuS.toFixed(2), peakMiB.toFixed(0)]);
  });
  return [head(["program", "wall s", `of ${limit}`, "CPU s", "peak MiB"]), ...rows].join("\n");
}
