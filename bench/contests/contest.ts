/** One work done by several libraries, measured in turns: A B C A B C, so that the drift of a machine hits all alike. */

import { head, row } from "../table.ts";

/** Does the work once. */
export type Contestant = () => void | Promise<void>;

/** A row of a table. */
export interface Contest {
  /** What is done. */
  readonly work: string;
  /** How many units, of whatever the table counts, one call does. */
  readonly units: number;
  /** What this library aims for, in multiples of the first contestant where it does not say otherwise. */
  readonly aim: string;
  /** Who does it, by the name of a column. The first is who we compare with. */
  readonly contestants: Readonly<Record<string, Contestant>>;
}

/** How this library is called in the tables; a comma and words may follow for a second way to do it. */
export const OURS = "this library";

/** Makes each contest a group of `deno bench`. */
export function registerBenches(contests: readonly Contest[]): void {
  for (const { work, contestants } of contests) {
    for (const [index, [name, run]] of Object.entries(contestants).entries()) {
      // The function itself: Deno awaits only what is declared `async`.
      Deno.bench({ name: `${name}: ${work}`, group: work, baseline: index === 0, fn: run });
    }
  }
}

/** How long a contest goes. */
export interface RaceOptions {
  /** How many turns each contestant has. */
  readonly rounds: number;
  /** How long a turn is. */
  readonly turnMs: number;
}

/** Units per second of every contestant: the median of its turns, after one that does not count. */
export async function race(contest: Contest, { rounds, turnMs }: RaceOptions): Promise<Map<string, number>> {
  const contestants = Object.entries(contest.contestants);
  const rates = new Map(contestants.map(([name]) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of contestants) {
      const rate = contest.units * await takeTurn(run, turnMs);
      if (round > 0) rates.get(name)!.push(rate);
    }
  }
  return new Map(contestants.map(([name]) => [name, median(rates.get(name)!)]));
}

/** Calls per second. */
async function takeTurn(run: Contestant, turnMs: number): Promise<number> {
  const start = performance.now();
  let calls = 0, now = start;
  for (; now - start < turnMs; now = performance.now()) {
    // Awaiting nothing would cost more than some of the calls take.
    for (let i = calls < 8 ? 1 : 8; i > 0; i--, calls++) {
      const pending = run();
      if (pending !== undefined) await pending;
    }
  }
  return calls * 1000 / (now - start);
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Races every contest and draws the table of bench/README.md: rates, and ours as a multiple of the first contestant's. */
export async function raceAll(contests: readonly Contest[], options: RaceOptions): Promise<string> {
  const columns = [...new Set(contests.flatMap(({ contestants }) => Object.keys(contestants)))];
  const others = columns.filter((name) => !name.startsWith(OURS));
  const ours = columns.filter((name) => name.startsWith(OURS));
  const lines = [
    head(["work", ...others, ...ours.flatMap((name) => [`**${name}**`, `of ${others[0]}`]), "aim"]),
  ];
  for (const contest of contests) {
    const rates = await race(contest, options), first = rates.get(others[0]!)!;
    const cells = ours.flatMap((name) => {
      const rate = rates.get(name);
      return rate === undefined
        ? ["–", "–"]
        : [`**${formatRate(rate)}**`, `**${(rate / first).toFixed(1)} ×**`];
    });
    lines.push(
      row([contest.work, ...others.map((name) => formatRate(rates.get(name))), ...cells, contest.aim]),
    );
    console.error(lines.at(-1));
  }
  return lines.join("\n");
}

function formatRate(rate: number | undefined): string {
  if (rate === undefined) return "–";
  if (rate >= 1e9) return `${(rate / 1e9).toPrecision(3)} G`;
  if (rate >= 1e6) return `${(rate / 1e6).toPrecision(3)} M`;
  if (rate >= 1e3) return `${(rate / 1e3).toPrecision(3)} k`;
  return rate.toPrecision(3);
}
