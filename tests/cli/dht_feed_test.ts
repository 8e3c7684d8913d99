import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSigner } from "../../src/bytes/ed25519.ts";
import { encodeHex } from "../../src/bytes/text.ts";
import { runCli } from "../../src/cli/main.ts";
import { withFolder } from "../with_folder.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";
import { type LoopbackDht, withDht, withSilence } from "./loopback_dht.ts";
import { FILES, withSwarm } from "./loopback_swarm.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567", OTHER = "ab".repeat(20);
const SEED = "07".repeat(32), SALT = "weekly", SALT_HEX = "7765656b6c79";
const KEY = encodeHex((await createSigner(new Uint8Array(32).fill(7))).publicKey);
const LINK = `magnet:?xs=urn:btpk:${KEY}&s=${SALT_HEX}`;

/** BEP 44 "test vectors". */
const EXPANDED = "e06d3183d14159228433ed599221b80bd0a5ce8352e4bdf0262f76786ef1c74d" +
  "b7e7a9fea2c0eb269d61e3b38e450a22e754941ac78479d6c54e1faf6037881d";
const EXPANDED_PUBLIC = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";

/** A DHT and a key to publish with. */
async function withPublisher(
  body: (dht: LoopbackDht, publish: (...args: string[]) => ReturnType<LoopbackDht["dht"]>) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = `${folder}/key`;
    await Deno.writeTextFile(path, SEED);
    await withDht((world) =>
      body(world, (...args) => world.dht("publish", ...args, "--key-file", path, "--salt", SALT))
    );
  });
}

Deno.test("dht key makes a key for nobody else to read, and shows the public half of one that is there", () =>
  withFolder(async (folder) => {
    const path = `${folder}/key`, made = await run("dht", "key", path);
    assertEquals([made.exitCode, made.error], [0, ""]);
    assertMatch(made.out, /^Key {3}[0-9a-f]{64}\nLink {2}magnet:\?xs=urn:btpk:[0-9a-f]{64}\n$/);
    const text = await Deno.readTextFile(path), { mode } = await Deno.stat(path);
    assertMatch(text, /^[0-9a-f]{64}\n$/);
    if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o600);
    assertEquals(await run("dht", "key", path), made);
    assertEquals(await Deno.readTextFile(path), text);
    const { key, isNew, link } = JSON.parse((await run("dht", "key", path, "--json")).out);
    assertEquals([made.out.includes(`Key   ${key}\n`), isNew, link], [
      true,
      false,
      `magnet:?xs=urn:btpk:${key}`,
    ]);
    const nowhere = await run("dht", "key", `${folder}/no/key`);
    assertEquals([nowhere.exitCode, nowhere.out], [1, ""]);
  }));

Deno.test("dht key reads seeds and expanded keys, as bytes and as digits, and nothing else", () =>
  withFolder(async (folder) => {
    const path = `${folder}/key`, keyOf = async () => (await run("dht", "key", path)).out.slice(6, 70);
    for (const digits of [SEED, EXPANDED]) {
      const expected = digits === SEED ? KEY : EXPANDED_PUBLIC;
      await Deno.writeFile(path, Uint8Array.fromHex(digits));
      assertEquals(await keyOf(), expected);
      await Deno.writeTextFile(path, `${digits}\r\n`);
      assertEquals(await keyOf(), expected);
    }
    await Deno.writeTextFile(path, SEED + KEY);
    assertStringIncludes((await run("dht", "key", path)).error, "its scalar is not clamped");
    for (const text of ["", "07", `${EXPANDED}00`]) {
      await Deno.writeTextFile(path, text);
      assertStringIncludes((await run("dht", "key", path)).error, "neither 32 or 64 bytes nor");
    }
  }));

Deno.test("dht publish names a torrent, dht follow and all that takes an info hash find it", () =>
  withPublisher(async ({ dht }, publish) => {
    const published = await publish(HASH);
    assertEquals(published.out, `Link       ${LINK}\nVersion    0\nStored on  3 nodes\n`);
    const followed = `magnet:?xt=urn:btih:${HASH}&xs=urn:btpk:${KEY}&s=${SALT_HEX}`;
    assertEquals(await dht("follow", LINK, "--count", "1"), { exitCode: 0, out: `${followed}\n`, error: "" });
    const next = JSON.parse((await publish(`magnet:?xt=urn:btih:${OTHER}`, "--json")).out);
    assertEquals(next, { magnet: LINK, key: KEY, seq: 1, nodes: 3, refusals: [] });
    const { out } = await dht("follow", KEY, "--salt", SALT, "--count", "1", "--json");
    assertEquals([JSON.parse(out).infoHash, JSON.parse(out).seq], [OTHER, 1]);
    await dht("announce", LINK, "--port", "4000");
    assertEquals((await dht("get-peers", OTHER)).out, "127.0.0.1:4000\n");
    assertEquals((await dht("get-peers", LINK)).out, "127.0.0.1:4000\n");
    assertEquals((await dht("scrape", LINK)).out, `${OTHER}  about 0 seeds, 1 downloader\n`);
    const old = await publish(HASH, "--seq", "0");
    assertEquals(old.error, "error: Cannot publish torrent: version 1 is in the DHT already\n");
    const nobody = await dht("get-peers", `magnet:?xs=urn:btpk:${KEY}`);
    const error = "error: Cannot find the torrent of the magnet link: nobody in the DHT has it\n";
    assertEquals(nobody, { exitCode: 1, out: "", error });
  }));

Deno.test("dht publish and put with --keep and dht follow go on until they are interrupted", () =>
  withPublisher(async ({ entry, dht }, publish) => {
    await publish(HASH);
    const follower = new FakeTerminal(), following = runCli(["dht", "follow", LINK, ...entry], follower);
    await follower.waitFor(/magnet:.*\n/);
    follower.interrupt();
    assertEquals([await following, follower.error], [130, ""]);
    await withFolder(async (folder) => {
      const args = ["--key-file", `${folder}/key`, "--keep", ...entry], publisher = new FakeTerminal();
      await run("dht", "key", `${folder}/key`);
      const publishing = runCli(["dht", "publish", HASH, ...args], publisher);
      await publisher.waitFor(/Stored on {2}\d nodes\n/);
      publisher.interrupt();
      assertEquals([await publishing, publisher.error], [0, ""]);
      const [, link] = /(magnet:\S+)/.exec(publisher.out)!;
      assertStringIncludes((await dht("follow", link!, "--timeout", "2")).out, HASH);
      const keeper = new FakeTerminal(), keeping = runCli(["dht", "put", "x", "--keep", ...entry], keeper);
      await keeper.waitFor(/Stored on {2}\d nodes\n/);
      keeper.interrupt();
      assertEquals([await keeping, keeper.error], [0, ""]);
    });
  }));

Deno.test("download and magnet take the link of a torrent that changes", () =>
  withSwarm((swarm) =>
    withPublisher(async ({ place }, publish) => {
      assertEquals((await publish(swarm.torrent)).exitCode, 0);
      const terminal = new FakeTerminal(), local = ["--host", "127.0.0.1", "--dht-node", place, "--no-cache"];
      const seeding = runCli(
        ["seed", swarm.torrent, swarm.source, "--host", "127.0.0.1", "--no-dht"],
        terminal,
      );
      await terminal.waitFor(/^Seeding .*\n/m);
      const [, peer] = / on (\S+)\n/.exec(terminal.out)!, args = ["--peer", peer!, ...local];
      const output = `${swarm.folder}/copy.torrent`, made = await run("magnet", LINK, "-o", output, ...args);
      assertEquals([made.exitCode, made.error], [0, ""]);
      assertStringIncludes(made.out, encodeHex(swarm.metainfo.infoHash));
      const watched = new FakeTerminal({ columns: 80 }), target = `${swarm.folder}/target`;
      assertEquals(await runCli(["download", LINK, "-o", target, ...args], watched), 0);
      assertStringIncludes(watched.error, "Asking the DHT which torrent the key stands for");
      for (const { path, content } of FILES) {
        assertEquals(await Deno.readFile(`${target}/data/${path.join("/")}`), content);
      }
      terminal.interrupt();
      await seeding;
    })
  ));

Deno.test("dht publish and follow say what they cannot use", async () => {
  const said = async (...args: string[]) => {
    const { exitCode, out, error } = await run(...args);
    assertEquals(out, "");
    return `${exitCode} ${error.split("\n")[0]}`;
  };
  assertEquals(await said("dht", "publish", HASH), "2 error: Missing key: give the --key-file");
  assertEquals(
    await said("dht", "publish", HASH, "--salt", "x"),
    "2 error: Cannot use --salt without --key-file",
  );
  assertEquals(await said("dht", "publish", LINK), "2 error: The magnet link names no info hash");
  assertEquals(
    await said("dht", "follow", `magnet:?xt=urn:btih:${HASH}`),
    "2 error: The magnet link has no public key (xs=urn:btpk:)",
  );
  assertEquals(
    await said("dht", "follow", HASH),
    `2 error: "${HASH}" is neither a magnet link nor 64 hex digits`,
  );
  assertMatch(
    await said("dht", "follow", LINK, "--salt", "x"),
    /^2 error: Cannot use --salt with a magnet link/,
  );
  const { createTorrent } = await import("../../src/metainfo/create.ts");
  await withFolder(async (folder) => {
    const path = `${folder}/secret.torrent`;
    await Deno.writeFile(
      path,
      await createTorrent([{ path: ["a"], content: new Uint8Array(9) }], { private: true }),
    );
    assertEquals(
      await said("dht", "publish", path, "--key-file", path),
      `1 error: Cannot publish "${path}" in the DHT: it is private`,
    );
  });
});

Deno.test("what needs the DHT says so when nobody answers", () =>
  withSilence(async (place) => {
    const local = ["--host", "127.0.0.1", "--no-cache"];
    const error = "error: Cannot reach the DHT: no node answers\n";
    const follow = run("dht", "follow", LINK, "--router", place, ...local);
    const download = run("download", LINK, "--dht-router", place, ...local);
    assertEquals(await follow, { exitCode: 1, out: "", error });
    assertEquals(await download, { exitCode: 1, out: "", error });
    // With an info hash a tracker or a peer may still turn up: it goes on, and says what is wrong.
    const terminal = new FakeTerminal({ columns: 80 }), bare = `magnet:?xt=urn:btih:${HASH}`;
    const running = runCli(["download", bare, "--dht-router", place, ...local], terminal);
    while (!terminal.error.includes("Cannot reach the DHT: no node answers; it is tried again")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    terminal.interrupt();
    assertEquals(await running, 130);
  }));
