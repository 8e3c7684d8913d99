import { assert, assertEquals } from "@std/assert";
import { randomBytes } from "../../src/bytes/random.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import {
  SampleCrawler,
  type SampleCrawlerEffect,
  type SampleCrawlerInput,
} from "../../src/dht/sample_crawler.ts";
import { globalAddress, seeded, VirtualDht } from "./virtual_dht.ts";

const ID = new Uint8Array(20), HOUR = 3_600_000;

function contact(index: number): { id: Uint8Array; address: { host: string; port: number } } {
  return { id: ID, address: globalAddress(index) };
}

function sampled(
  index: number,
  options: Partial<Extract<SampleCrawlerInput, { type: "sampled" }>>,
): SampleCrawlerInput {
  const nothing = { infoHashes: [], total: 0, intervalMs: 0, nodes: [] };
  return { type: "sampled", address: globalAddress(index), ...nothing, ...options };
}

function asked(effects: readonly SampleCrawlerEffect[]): string[] {
  return effects.flatMap((effect) => effect.type === "sample" ? [effect.address.host] : []);
}

Deno.test("SampleCrawler asks one node after the other, with a pause, and not too many at a time", () => {
  const crawler = new SampleCrawler({ random: seeded(1), spacingMs: 100, concurrency: 3 }, 0);
  assertEquals(crawler.deadline(), undefined);
  const hosts = asked(
    crawler.handle({ type: "nodes", nodes: Array.from({ length: 9 }, (_, i) => contact(i)) }, 0),
  );
  assertEquals(crawler.deadline(), 100);
  hosts.push(...asked(crawler.handle({ type: "tick" }, 50)));
  hosts.push(...asked(crawler.handle({ type: "tick" }, 100)));
  hosts.push(...asked(crawler.handle({ type: "tick" }, 200)));
  hosts.push(...asked(crawler.handle({ type: "tick" }, 300)));
  assertEquals(hosts, [0, 1, 2].map((i) => globalAddress(i).host));
  assertEquals(crawler.deadline(), undefined);
  assertEquals(asked(crawler.handle({ type: "failed", address: globalAddress(0) }, 400)), [
    globalAddress(3).host,
  ]);
});

Deno.test("SampleCrawler comes back after the interval if there is more, and six hours later if not", () => {
  const returnAfter = (total: number, intervalMs: number) => {
    const crawler = new SampleCrawler({ random: seeded(1) }, 0);
    crawler.handle({ type: "nodes", nodes: [contact(1)] }, 0);
    const found = crawler.handle(sampled(1, { infoHashes: [ID], total, intervalMs }), 1000);
    assertEquals(found, [{ type: "infoHashes", infoHashes: [ID], from: globalAddress(1) }]);
    const at = crawler.deadline()!;
    assertEquals(asked(crawler.handle({ type: "tick" }, at - 1)), []);
    assertEquals(asked(crawler.handle({ type: "tick" }, at)), [globalAddress(1).host]);
    return at - 1000;
  };
  assertEquals(returnAfter(100, HOUR), HOUR);
  assertEquals(returnAfter(100, 0), 60_000, "a minute at least");
  assertEquals(returnAfter(1, 0), 6 * HOUR);
});

Deno.test("SampleCrawler never again asks who does not know the query or does not answer", () => {
  const crawler = new SampleCrawler({ random: seeded(1), spacingMs: 0 }, 0);
  crawler.handle({ type: "nodes", nodes: [contact(1), contact(2)] }, 0);
  crawler.handle({ type: "tick" }, 0);
  crawler.handle(sampled(1, { total: undefined }), 0);
  crawler.handle({ type: "failed", address: globalAddress(2) }, 0);
  crawler.handle({ type: "nodes", nodes: [contact(1), contact(2)] }, 0);
  assertEquals([crawler.deadline(), crawler.size], [undefined, 2]);
});

Deno.test("SampleCrawler remembers no more nodes than it may", () => {
  const crawler = new SampleCrawler({ random: seeded(1), maxNodes: 50 }, 0);
  crawler.handle({ type: "nodes", nodes: Array.from({ length: 500 }, (_, i) => contact(i)) }, 0);
  assertEquals(crawler.size, 50);
});

Deno.test("SampleCrawler finds what a network holds, asking nobody twice", () => {
  const dht = new VirtualDht(), router = dht.add({ host: "192.0.2.1", port: 1 });
  const nodes = Array.from({ length: 60 }, (_, i) => {
    const node = dht.add(globalAddress(i), { routers: [router.address] });
    dht.run(200);
    return node;
  });
  dht.run(60_000);
  const hashes = Array.from({ length: 100 }, () => randomBytes(dht.random, 20));
  hashes.forEach((infoHash, i) => dht.put(nodes[i % 60]!, { type: "announce", id: i, infoHash, port: 1 }));
  dht.run(10_000);
  const home = nodes[0]!, crawler = new SampleCrawler({ random: dht.random }, dht.now);
  const found = new Set<string>(), visits = new Map<string, number>();
  let id = 1000, effects = crawler.handle({ type: "nodes", nodes: home.node.nodes(dht.now) }, dht.now);
  for (let rounds = 0; rounds < 2000; rounds++) {
    for (const effect of effects) {
      if (effect.type === "infoHashes") {
        for (const infoHash of effect.infoHashes) found.add(encodeHex(infoHash));
      }
      if (effect.type !== "sample") continue;
      visits.set(effect.address.host, (visits.get(effect.address.host) ?? 0) + 1);
      dht.put(home, { type: "sample", id: id++, address: effect.address, target: effect.target });
    }
    const [told] = home.told.splice(0).filter(({ type }) => type === "samples" || type === "failed");
    if (told?.type === "samples") {
      effects = crawler.handle({ ...told, type: "sampled", address: told.node.address }, dht.now);
    } else effects = crawler.handle({ type: "tick" }, dht.now);
    dht.run(20);
  }
  assert(found.size >= 95, `${found.size} of 100 found`);
  assert([...visits.values()].every((count) => count === 1) && visits.size >= 55);
});
