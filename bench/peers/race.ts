/**
 * The tables of bench/README.md: this library and others, in turns.
 *
 *   deno run -A --env-file=.env.jsr bench/peers/race.ts framing [ROUNDS] [MS OF A TURN]
 */

import { raceAll } from "../contests/contest.ts";

const [name, rounds = "7", turnMs = "250"] = Deno.args;
const { CONTESTS } = await import(`../contests/${name}.ts`);
console.log(await raceAll(CONTESTS, { rounds: Number(rounds), turnMs: Number(turnMs) }));
Deno.exit(); // the timers of some contestants would go on
