/** Torrents that change (BEP 46): what WebTorrent publishes we follow, and it and libtorrent read what we publish. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { createSigner } from "../../src/bytes/ed25519.ts";
import { type DhtFarm, startDhtFarm } from "./clients/dht_farm.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { cache, CLI, denoRun } from "./clients/ours.ts";
import { SINGLE } from "./contents.ts";
import { interop } from "./interop.ts";
import { type Host, until } from "./lab.ts";
import { assertSame, downloadJob, preparePair, seedJob } from "./pair.ts";

const WEBTORRENT = "tests/interop/clients/webtorrent_dht.ts";
const FIRST = "01".repeat(20), SECOND = "02".repeat(20), SALT = "weekly";
const SEED = "07".repeat(32), KEY = (await createSigner(Uint8Array.fromHex(SEED))).publicKey.toHex();
const SALT_HEX = new TextEncoder().encode(SALT).toHex(), LINK = `magnet:?xs=urn:btpk:${KEY}&s=${SALT_HEX}`;

/** Has WebTorrent's DHT do something. */
async function webtorrent(host: Host, { nodes }: DhtFarm, ...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await host.run([...denoRun(WEBTORRENT), host.address, nodes[0]!, ...args]);
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

async function publish(host: Host, { nodes }: DhtFarm, ...args: readonly string[]): Promise<string> {
  const path = `${host.folder("key")}/key`;
  await Deno.writeTextFile(path, SEED);
  const key = ["--key-file", path, "--salt", SALT, "--node", nodes[0]!, "--no-cache"];
  const { code, stdout, stderr } = await host.run([...CLI, "dht", "publish", ...args, ...key]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

interop(
  "we follow what WebTorrent publishes among nodes of libtorrent",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    await cache(WEBTORRENT);
    const farm = await startDhtFarm(lab.host(1), { nodes: 8 }), them = lab.host(2);
    const put = (infoHash: string, seq: number) =>
      webtorrent(them, farm, "put", SEED, SALT_HEX, infoHash, String(seq));
    const { nodes } = await put(FIRST, 1) as { nodes: number };
    assertEquals(nodes > 0, true);
    const args = ["dht", "follow", LINK, "--count", "2", "--interval", "60", "--json", "--no-cache"];
    const follower = lab.host(3).spawn("follower", [...CLI, ...args, "--node", farm.nodes[0]!]);
    const told = () => follower.events().map(({ infoHash, seq }) => [infoHash, seq]);
    await until("we know the first torrent", () => told().length > 0);
    assertEquals(told(), [[FIRST, 1]]);
    await put(SECOND, 2);
    await until("we know the second torrent", () => told().length > 1, 120_000);
    assertEquals(told(), [[FIRST, 1], [SECOND, 2]]);
  },
);

interop("WebTorrent and libtorrent read what we publish", { hosts: 3, oursOnly: true }, async (lab) => {
  await cache(WEBTORRENT);
  const farm = await startDhtFarm(lab.host(1), { nodes: 8 });
  for (const [seq, infoHash] of [FIRST, SECOND].entries()) {
    assertStringIncludes(
      await publish(lab.host(3), farm, infoHash),
      `Link       ${LINK}\nVersion    ${seq}\n`,
    );
    assertEquals(await webtorrent(lab.host(2), farm, "get", KEY, SALT_HEX), { infoHash, seq });
    // It tells an item only if it is rightly signed; its Python binding shows values that are texts alone.
    assertEquals((await farm.ask("get-key", KEY, SALT)).seq, seq);
  }
});

interop(
  "we download from libtorrent the torrent that a key stands for",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const farm = await startDhtFarm(lab.host(1)), pair = await preparePair(lab, SINGLE);
    await libtorrent.start(lab.host(2), { ...seedJob(pair), dht: farm.nodes });
    await publish(lab.host(2), farm, pair.torrent.path);
    const { folder } = downloadJob(pair), args = ["download", LINK, "-o", folder, "--json", "--no-cache"];
    const { code } = await lab.host(3).run([...CLI, ...args, "--dht-node", farm.nodes[0]!]);
    assertEquals(code, 0);
    await assertSame(pair);
  },
);
