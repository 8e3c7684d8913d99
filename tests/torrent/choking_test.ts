import { assert, assertEquals } from "@std/assert";
import { Choker } from "../../src/torrent/choker.ts";
import { chooseByRate, chooseOptimistic, type InterestedPeer } from "../../src/torrent/choking.ts";
import { seededRandom } from "./swarm.ts";

function peers(
  count: number,
  patch: (key: number) => Partial<InterestedPeer> = () => ({}),
): InterestedPeer[] {
  return Array.from(
    { length: count },
    (_, key) => ({ key, rate: key, snubbed: false, connectedAt: 0, ...patch(key) }),
  );
}

Deno.test("chooseByRate() takes the fastest, and never who snubs us", () => {
  const all = peers(6, (key) => ({ snubbed: key === 5 }));
  assertEquals(chooseByRate(all, 3, seededRandom(1)), [4, 3, 2]);
  assertEquals(chooseByRate(all, 0, seededRandom(1)), []);
});

Deno.test("chooseOptimistic() draws a new connection three times as often", () => {
  const now = 1_000_000;
  const pair = peers(2, (key) => ({ connectedAt: key === 1 ? now - 1000 : 0 }));
  const random = seededRandom(7);
  let young = 0;
  for (let i = 0; i < 4000; i++) young += chooseOptimistic(pair, { slots: 1, now, random })[0]!;
  assert(young > 2850 && young < 3150, `${young} of 4000`);
});

Deno.test("chooseOptimistic() draws nobody twice", () => {
  const drawn = chooseOptimistic(peers(5), { slots: 9, now: 0, random: seededRandom(1) });
  assertEquals(drawn.toSorted(), [0, 1, 2, 3, 4]);
});

Deno.test("Choker.decide() keeps the fast ones and turns the optimistic slot every third round", () => {
  const choker = new Choker(4, seededRandom(3), 0);
  const all = peers(10);
  const optimistic: number[] = [];
  for (let round = 0; round < 12; round++) {
    const chosen = choker.decide(all, choker.nextRoundAt);
    assertEquals(chosen.size, 4);
    for (const key of [9, 8, 7]) assert(chosen.has(key));
    optimistic.push([...chosen].find((key) => key < 7)!);
  }
  for (let turn = 0; turn < 12; turn += 3) {
    assertEquals(new Set(optimistic.slice(turn, turn + 3)).size, 1);
    if (turn > 0) assert(optimistic[turn] !== optimistic[turn - 1], "the turn goes to another peer");
  }
});

Deno.test("Choker.decide() gives the slots of snubbing peers to the lottery", () => {
  const choker = new Choker(4, seededRandom(3), 0);
  const all = peers(6, (key) => ({ snubbed: key >= 4 }));
  const chosen = choker.decide(all, 10_000);
  assertEquals(chosen.size, 4);
});

Deno.test("Choker.decide() unchokes everybody while there are slots", () => {
  const choker = new Choker(8, seededRandom(3), 0);
  for (let round = 0; round < 4; round++) assertEquals(choker.decide(peers(8), round * 10_000).size, 8);
});
