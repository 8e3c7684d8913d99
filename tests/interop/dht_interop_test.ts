/** The DHT among nodes of libtorrent: every client finds us through it and nothing else, and we find every client (BEP 5, 32, 33, 42, 43, 44, 45, 51). */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createSigner } from "../../src/bytes/ed25519.ts";
import { decodeHex } from "../../src/bytes/text.ts";
import { isNodeIdOf } from "../../src/dht/node_id.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import { aria2 } from "./clients/aria2.ts";
import { type Client, endpoint, PORT } from "./clients/client.ts";
import { type DhtFarm, startDhtFarm, startSecureFarm } from "./clients/dht_farm.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { CLI, ours } from "./clients/ours.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { SINGLE } from "./contents.ts";
import { interop } from "./interop.ts";
import { type Host, type Lab, type Running, until } from "./lab.ts";
import { assertSame, downloadJob, preparePair, seedJob } from "./pair.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";

/** Nodes to begin with. */
type Entry = Pick<DhtFarm, "nodes">;

/** Runs a `dht` command of ours on a host and answers what it printed. */
async function dht(host: Host, { nodes }: Entry, ...args: readonly string[]): Promise<string> {
  const entry = ["--node", nodes[0]!, "--no-cache"];
  const { code, stdout, stderr } = await host.run([...CLI, "dht", ...args, ...entry]);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

async function untilAnnounced(farm: DhtFarm, infoHash: string, host: string): Promise<void> {
  const isKnown = async () => JSON.stringify(await farm.ask("peers", infoHash)).includes(host);
  await until("the DHT knows the seed", isKnown, 60_000);
}

/** A link with nothing but an info hash: whoever has it finds the other through the DHT, or not at all. */
function testLink(seed: Client, downloader: Client, options: { readonly isIpv6?: boolean } = {}): void {
  const [finder, found] = downloader === ours ? ["we find", seed.name] : [`${downloader.name} finds`, "us"];
  const { isIpv6 = false } = options, needs = [...seed.needs, ...downloader.needs];
  const name = `${finder} ${found} through the DHT alone${isIpv6 ? ", over IPv6" : ""}`;
  interop(name, { hosts: 3, needs, oursOnly: true }, async (lab) => {
    const farm = await startDhtFarm(lab.host(1), options), pair = await preparePair(lab, SINGLE);
    const { infoHash = "" } = pair.torrent, magnet = `magnet:?xt=urn:btih:${infoHash}`;
    await seed.start(lab.host(2), { ...seedJob(pair), isIpv6, dht: farm.nodes });
    await untilAnnounced(farm, infoHash, isIpv6 ? lab.host(2).address6 : lab.host(2).address);
    const job = { ...downloadJob(pair), magnet, isIpv6, dht: farm.nodes };
    const download = await downloader.start(lab.host(3), job);
    await download.complete(90_000);
    await assertSame(pair, downloader);
  });
}

for (const client of [libtorrent, qbittorrent, aria2, transmission]) {
  for (const isIpv6 of client.ipv6 === true ? [false, true] : [false]) {
    testLink(client, ours, { isIpv6 });
    testLink(ours, client, { isIpv6 });
  }
}
// The other way round it does not work: rTorrent 0.9.8 finds no peers of a bare link, whoever seeds it.
testLink(rtorrent, ours);

/** Starts a node of ours and answers once it knows others. */
async function startNode(host: Host, { nodes }: Entry): Promise<Running> {
  const args = ["dht", "node", "--node", nodes[0]!, "--no-cache", "--port", String(PORT), "--json"];
  const node = host.spawn("our node", [...CLI, ...args]);
  await until("our node is ready", () => node.events().some(({ state }) => state === "ready"));
  return node;
}

/** Waits until others name the node on a host when they are asked for its id. */
async function untilNamed(node: Running, host: Host, asker: Host, entry: Entry): Promise<void> {
  const { id } = node.events().find(({ type }) => type === "started")!, place = endpoint(host.address);
  await until(
    "they name our node",
    async () => (await dht(asker, entry, "find", String(id))).includes(place),
  );
}

interop("our node is one among nodes of libtorrent", { hosts: 3, oursOnly: true }, async (lab) => {
  const farm = await startDhtFarm(lab.host(1), { nodes: 4 }), place = endpoint(lab.host(3).address);
  const node = await startNode(lab.host(3), farm);
  await untilNamed(node, lab.host(3), lab.host(2), farm);
  await dht(lab.host(2), farm, "announce", HASH, "--port", "4000");
  assertEquals((await farm.ask("peers", HASH)).peers, [endpoint(lab.host(2).address, 4000)]);
  assertEquals(await dht(lab.host(2), farm, "sample", place), `${HASH}\n`);
  assertEquals(await farm.ask("sample", place), { event: "answer", samples: [HASH], total: 1, nodes: 4 });
  assertStringIncludes(await dht(lab.host(2), farm, "crawl", "--count", "1"), HASH);
  const known = (await dht(lab.host(2), farm, "find", HASH)).trim().split("\n");
  assertEquals(known.length, 5, "those of libtorrent and ours");
  assert(!known.some((line) => line.includes(lab.host(2).address)), "who only asks is no node (BEP 43)");
  assertEquals(await node.stop("SIGINT"), 0);
});

interop(
  "our nodes at two addresses of a host are two nodes to libtorrent",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const farm = await startDhtFarm(lab.host(1), { nodes: 4 }), host = lab.host(3), second = "10.55.0.33";
    await host.addAddress(`${second}/24`);
    const entry = ["--node", farm.nodes[0]!, "--no-cache", "--port", String(PORT), "--json"];
    for (const address of [host.address, second]) {
      const node = host.spawn("our node", [...CLI, "dht", "node", "--host", address, ...entry]);
      await until("our node is ready", () => node.events().some(({ state }) => state === "ready"));
      const { id } = node.events().find(({ type }) => type === "started")!,
        place = `${id}  ${endpoint(address)}\n`;
      const named = async () => (await dht(lab.host(2), farm, "find", String(id))).includes(place);
      await until("they name it by its id and address", named);
      const heard = await farm.ask("sample", endpoint(address));
      assertEquals([heard.total, heard.samples], [0, []], "it answers from the address that was asked");
    }
  },
);

interop(
  "items of ours and of libtorrent are found by the other side",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const farm = await startDhtFarm(lab.host(1), { nodes: 4 }), us = lab.host(2);
    const node = await startNode(lab.host(3), farm);
    await untilNamed(node, lab.host(3), us, farm);
    // Libtorrent stores first: a node that has written to it and is gone it asks in vain for fifteen seconds.
    const seed = "07".repeat(32), { publicKey } = await createSigner(Uint8Array.fromHex(seed));
    const key = publicKey.toHex(), path = `${lab.folder}/key`;
    await Deno.writeTextFile(path, seed);
    const theirs = await farm.ask("put", "from libtorrent");
    assertEquals(theirs.nodes, 5, "all five nodes, ours among them, take what libtorrent stores");
    const signed = await farm.ask("put-key", seed, key, "salt", "one");
    assertEquals([signed.nodes, signed.seq], [5, 1]);
    assertEquals(await dht(us, farm, "get", String(theirs.target)), "from libtorrent\n");
    const found = JSON.parse(await dht(us, farm, "get", "--key", key, "--salt", "salt", "--json"));
    assertEquals([found.value, found.seq], ["one", 1]);

    const ours = JSON.parse(await dht(us, farm, "put", "from us", "--json"));
    assertEquals([ours.nodes, ours.refusals], [5, []]);
    assertEquals((await farm.ask("get", ours.target)).value, "from us");
    const args = ["two", "--key-file", path, "--salt", "salt", "--json"];
    const next = JSON.parse(await dht(us, farm, "put", ...args));
    assertEquals([next.nodes, next.seq, next.key], [5, 2, key]);
    const { value, seq } = await farm.ask("get-key", key, "salt");
    assertEquals([value, seq], ["two", 2]);
  },
);

/** A world of our own nodes. */
async function startOurFarm(lab: Lab): Promise<Entry> {
  const first: Entry = { nodes: [endpoint(lab.host(1).address)] };
  const args = ["dht", "node", "--router", "127.0.0.1:1", "--no-cache", "--port", String(PORT), "--json"];
  const node = lab.host(1).spawn("our first node", [...CLI, ...args]);
  await until("our first node has started", () => node.events().some(({ type }) => type === "started"));
  const second = await startNode(lab.host(5), first);
  await untilNamed(second, lab.host(5), lab.host(2), first);
  return first;
}

for (const who of ["us", "libtorrent"] as const) {
  interop(`the DHT scrape asks nodes of ${who}`, { hosts: 5, oursOnly: true }, async (lab) => {
    const world = who === "us" ? await startOurFarm(lab) : await startDhtFarm(lab.host(1));
    await dht(lab.host(2), world, "announce", HASH, "--port", "4000", "--seed");
    for (const host of [3, 4]) await dht(lab.host(host), world, "announce", HASH, "--port", "4000");
    const { seeds, downloaders } = JSON.parse(await dht(lab.host(2), world, "scrape", HASH, "--json"));
    assertEquals([seeds, downloaders], [1, 2]);
  });
}

/** Addresses of networks of their own, as of the world's: of local ones BEP 42 demands nothing. */
const GLOBAL = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `52.${10 * n}.${n}.7`),
  OURS = "52.200.9.7",
  ASKER = "52.210.9.7";

interop(
  "nodes of libtorrent that insist on BEP 42 refuse us at first, then take us for one of theirs",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    for (const address of GLOBAL) await lab.host(1).addAddress(`${address}/8`);
    await lab.host(2).addAddress(`${ASKER}/8`);
    await lab.host(3).addAddress(`${OURS}/8`);
    const farm = await startSecureFarm(lab.host(1), GLOBAL), words = [...CLI, "dht"];
    const entry = ["--no-cache", ...farm.nodes.flatMap((node) => ["--node", node])];
    const node = lab.host(3).spawn("our node", [...words, "node", "--json", "--host", OURS, ...entry]);
    await until("our node is ready", () => node.events().some(({ state }) => state === "ready"));
    assertEquals(node.events().filter(({ type }) => type === "externalAddress").map(({ host }) => host), [
      OURS,
    ]);
    const ask = async (...args: string[]) =>
      await lab.host(2).run([...words, ...args, "--host", ASKER, ...entry]);
    const { address } = node.events().find(({ type }) => type === "started") as { address: PeerAddress };
    const place = endpoint(OURS, address.port);
    const { id } = JSON.parse((await ask("ping", place, "--json")).stdout);
    assert(isNodeIdOf(OURS, decodeHex(id)), "our id follows from our address");
    const named = (await ask("find", id)).stdout.trim().split("\n").map((line) => line.split("  "));
    assert(named.some(([, at]) => at === place), "they name us to others");
    for (const [id, at] of named) assert(isNodeIdOf(at!.split(":")[0]!, decodeHex(id!)), `${id} of ${at}`);
    assertEquals((await ask("announce", HASH, "--port", "4000")).code, 0);
    assertEquals((await farm.ask("peers", HASH)).peers, [endpoint(ASKER, 4000)]);
    // The word of one network about our address is not enough for another id.
    const alone = ["find", HASH, "--host", ASKER, "--no-cache", "--node", farm.nodes[0]!];
    assertEquals(
      (await lab.host(2).run([...words, ...alone])).stderr,
      "error: Cannot reach the DHT: no node answers\n",
    );
  },
);
