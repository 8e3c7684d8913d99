import { assert, assertEquals } from "@std/assert";
import type { NodeContact } from "../../src/dht/messages/node_info.ts";
import { randomIdNear } from "../../src/dht/node_id.ts";
import { type Candidate, Shortlist } from "../../src/dht/shortlist.ts";
import { globalAddress, seeded } from "./virtual_dht.ts";

const TARGET = new Uint8Array(20);

function node(bits: number, index: number = bits): NodeContact {
  return { id: randomIdNear(seeded(index), TARGET, bits), address: globalAddress(index) };
}

/** Asks and settles until nothing is left, and gives who was asked. */
function walk(list: Shortlist, settle: (candidate: Candidate) => Candidate["status"]): Candidate[] {
  const asked: Candidate[] = [];
  for (let { next } = list.survey(); next !== undefined; { next } = list.survey()) {
    next.status = settle(next);
    asked.push(next);
  }
  return asked;
}

Deno.test("Shortlist.survey() asks the nearest first and stops when eight have replied", () => {
  const list = new Shortlist(TARGET);
  for (let bits = 0; bits < 30; bits++) assert(list.add(node(bits), 0));
  const asked = walk(list, () => "replied");
  assertEquals(asked.map(({ id }) => id), Array.from({ length: 8 }, (_, i) => node(29 - i).id));
  assertEquals(list.survey(), { next: undefined, isComplete: true });
  assertEquals(list.closest(), asked);
});

Deno.test("Shortlist.survey() goes on past nodes that are late, failed or not eligible", () => {
  const list = new Shortlist(TARGET);
  for (let bits = 0; bits < 30; bits++) list.add(node(bits), 0);
  const statuses = ["late", "failed", "replied"] as const;
  let i = 0;
  const asked = walk(list, (candidate) => {
    if (i === 5) candidate.eligible = false;
    return statuses[i++ % 3]!;
  });
  assertEquals(asked.length, 27);
  assertEquals(list.closest().length, 8);
});

Deno.test("Shortlist.survey() waits for the nodes it has asked", () => {
  const list = new Shortlist(TARGET);
  list.add(node(5), 0);
  list.survey().next!.status = "asked";
  assertEquals(list.survey(), { next: undefined, isComplete: false });
});

Deno.test("Shortlist.survey() asks bare addresses last, and those only while nodes are too few", () => {
  const list = new Shortlist(TARGET);
  list.addAddress(globalAddress(100));
  list.add(node(1), 0);
  assertEquals(walk(list, () => "replied").map(({ address }) => address), [
    node(1).address,
    globalAddress(100),
  ]);
  const full = new Shortlist(TARGET);
  full.addAddress(globalAddress(100));
  for (let bits = 0; bits < 8; bits++) full.add(node(bits), 0);
  assertEquals(walk(full, () => "replied").length, 8);
});

Deno.test("Shortlist.identify() puts a candidate where its id belongs", () => {
  const list = new Shortlist(TARGET);
  list.addAddress(globalAddress(100));
  for (let bits = 0; bits < 4; bits++) list.add(node(bits), 0);
  const asked = walk(list, () => "replied");
  list.identify(asked.at(-1)!, node(9).id);
  list.identify(asked[0]!, node(0, 77).id);
  assertEquals(list.closest()[0]!.address, globalAddress(100));
});

Deno.test("Shortlist.giveWay() lets others of a network in if the one that was named first does not answer", () => {
  const list = new Shortlist(TARGET), port = 1;
  const [made, real, third] = [1, 2, 3].map((i) => ({
    id: node(9 - i).id,
    address: { host: `20.1.1.${i}`, port },
  }));
  assert(list.add(made!, 0));
  assert(!list.add(real!, 1) && !list.add(real!, 1) && !list.add(third!, 1));
  const asked = list.survey().next!;
  asked.status = "asked";
  assertEquals(list.survey(), { next: undefined, isComplete: false }, "it may still answer");
  asked.status = "late";
  list.giveWay(asked);
  const { next } = list.survey();
  assertEquals([next?.address, next?.depth], [real!.address, 1]);
  assert(!list.isVoice(asked) && list.isVoice(next!), "only one speaks for the network");
  list.giveWay(asked);
  assertEquals(list.count(() => true), 2, "and whoever has given way does so once");
  next!.status = "failed";
  list.giveWay(next!);
  assertEquals(list.survey().next?.address, third!.address);
});

Deno.test("Shortlist: a node that was named with a wrong id is asked where its real one belongs", () => {
  const list = new Shortlist(TARGET), { address } = node(20);
  for (let bits = 0; bits < 12; bits++) list.add(node(bits), 0);
  assert(list.add({ id: node(0, 77).id, address }, 0));
  assert(list.isNews(node(20)) && list.add(node(20), 0));
  assert(
    !list.isNews(node(20)) && !list.add({ id: node(1, 78).id, address }, 0),
    "who says that it is farther is not heeded",
  );
  const next = list.survey().next!;
  assertEquals([next.id, next.address], [node(20).id, address]);
  next.status = "asked";
  assert(!list.add({ id: node(30).id, address }, 0), "from now on it speaks for itself");
});

Deno.test("Shortlist.add() takes an address once, and one node of a network", () => {
  const list = new Shortlist(TARGET), { id } = node(3), port = 1;
  assert(list.add({ id, address: { host: "20.1.1.1", port } }, 0));
  assert(!list.add({ id: node(2).id, address: { host: "20.1.1.1", port } }, 0));
  assert(!list.add({ id: node(5).id, address: { host: "20.1.1.2", port } }, 0));
  assert(list.add({ id: node(6).id, address: { host: "20.1.2.1", port } }, 0));
  assert(list.add({ id, address: { host: "192.168.0.1", port } }, 0));
  assert(list.add({ id, address: { host: "192.168.0.1", port: 2 } }, 0), "local networks are exempt");
});

Deno.test("Shortlist.add() forgets the farthest when there are too many", () => {
  const list = new Shortlist(TARGET);
  for (let i = 0; i < 1000; i++) list.add(node(i % 40, i), 0);
  assertEquals(list.count(() => true), 128);
  assert(walk(list, () => "replied").every(({ id }) => id![0] === 0));
});
