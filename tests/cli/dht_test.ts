import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { decodeHex } from "../../src/bytes/text.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import { withFolder } from "../with_folder.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";
import { withDht, withSilence } from "./loopback_dht.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const MAGNET = `magnet:?xt=urn:btih:${HASH}`;
const LOCAL = ["--host", "127.0.0.1", "--no-cache"];

Deno.test("dht ping shows who answers, and fails if nobody does", () =>
  withDht(async ({ clients, place, dht }) => {
    const id = (await clients[0]!.dht()).nodeId.toHex();
    const { exitCode, out, error } = await run("dht", "ping", place, ...LOCAL);
    assertEquals([exitCode, error], [0, ""]);
    assertMatch(out, new RegExp(`^${id}  ${place}  \\d+ ms\n$`));
    const told = JSON.parse((await dht("ping", place, "--json")).out);
    assertEquals([formatPeerAddress(told), told.id, typeof told.roundTripMs], [place, id, "number"]);
    await withSilence(async (silent) => {
      const error = `error: No answer from "${silent}"\n`;
      assertEquals(await run("dht", "ping", silent, ...LOCAL), { exitCode: 1, out: "", error });
    });
  }));

Deno.test("dht find prints the nodes nearest to an id", () =>
  withDht(async ({ clients, dht }) => {
    const known = await Promise.all(clients.map(async (client) => {
      return `${(await client.dht()).nodeId.toHex()}  ${formatPeerAddress(await client.dhtAddress())}`;
    }));
    const { exitCode, out, error } = await dht("find", HASH);
    assertEquals([exitCode, error, out.trim().split("\n").sort()], [0, "", known.sort()]);
    const { target, nodes } = JSON.parse((await dht("find", MAGNET, "--json")).out);
    assertEquals([target, nodes.length], [HASH, 3]);
  }));

Deno.test("dht announce, get-peers and scrape tell of the same peers", () =>
  withDht(async ({ dht }) => {
    const nobody = await dht("get-peers", HASH);
    assertEquals(nobody, { exitCode: 0, out: "", error: "" });
    const announced = await dht("announce", HASH, "--port", "4000");
    assertEquals(announced, { exitCode: 0, out: "Announced port 4000 to 3 nodes\n", error: "" });
    const record = JSON.parse((await dht("announce", MAGNET, "--port", "4001", "--seed", "--json")).out);
    assertEquals(record, {
      infoHash: HASH,
      port: 4001,
      nodes: 3,
      refusals: [],
      peers: [{ host: "127.0.0.1", port: 4000 }],
    });
    const { out } = await dht("get-peers", MAGNET);
    assertEquals(out.trim().split("\n").sort(), ["127.0.0.1:4000", "127.0.0.1:4001"]);
    const lines = (await dht("get-peers", HASH, "--json")).out.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(lines.map(({ infoHash }) => infoHash), [HASH, HASH]);
    assertEquals(lines.map(({ port }) => port).sort(), [4000, 4001]);
    // Both have one address, which is all that a Bloom filter of BEP 33 counts.
    assertEquals((await dht("scrape", HASH)).out, `${HASH}  about 1 seed, 1 downloader\n`);
    const swarm = JSON.parse((await dht("scrape", HASH, "--json")).out);
    assertEquals(swarm, { infoHash: HASH, seeds: 1, downloaders: 1 });
  }));

Deno.test("dht get-peers says on a terminal how it went", () =>
  withDht(async ({ entry }) => {
    const terminal = new FakeTerminal({ columns: 80 });
    assertEquals(await runCli(["dht", "get-peers", HASH, ...entry], terminal), 0);
    assertStringIncludes(terminal.error, "Joining the DHT, ");
    assert(
      terminal.error.endsWith("\x1b[?25h0 peers; 3 of 3 nodes answered\n"),
      JSON.stringify(terminal.error),
    );
    assertEquals(terminal.out, "");
  }));

Deno.test("dht put and get store and fetch a text", () =>
  withDht(async ({ dht }) => {
    const put = await dht("put", "Hello World!");
    assertEquals([put.exitCode, put.error], [0, ""]);
    // The vector of BEP 44: the SHA-1 of "12:Hello World!".
    const target = "e5f96f6f38320f0f33959cb4d3d656452117aadb";
    assertEquals(put.out, `Target     ${target}\nStored on  3 nodes\n`);
    assertEquals(await dht("get", target), { exitCode: 0, out: "Hello World!\n", error: "" });
    assertEquals(JSON.parse((await dht("get", target, "--json")).out), {
      target,
      value: "Hello World!",
      bencoded: "31323a48656c6c6f20576f726c6421",
    });
    const nobody = await dht("get", HASH);
    assertEquals(nobody, { exitCode: 1, out: "", error: `error: Nobody has ${HASH}\n` });
  }));

Deno.test("dht put and get keep the bytes of a file", () =>
  withDht(({ dht, entry }) =>
    withFolder(async (folder) => {
      const bytes = Uint8Array.from({ length: 996 }, (_, index) => index % 256);
      await Deno.writeFile(`${folder}/value`, bytes);
      const { target } = JSON.parse((await dht("put", "--file", `${folder}/value`, "--json")).out);
      assertEquals(await dht("get", target, "-o", `${folder}/copy`), { exitCode: 0, out: "", error: "" });
      assertEquals(await Deno.readFile(`${folder}/copy`), bytes);
      const terminal = new FakeTerminal();
      assertEquals(await runCli(["dht", "get", target, "-o", "-", ...entry], terminal), 0);
      assertEquals(terminal.outBytes, bytes);
      const { value } = JSON.parse((await dht("get", target, "--json")).out);
      assertEquals(value, { hex: bytes.toHex() });
      await Deno.writeFile(`${folder}/long`, new Uint8Array(997));
      assertEquals(await dht("put", "--file", `${folder}/long`), {
        exitCode: 1,
        out: "",
        error: `error: Cannot use "${folder}/long": it has more than 996 bytes\n`,
      });
    })
  ));

Deno.test("dht put replaces what is under a key, version by version", () =>
  withDht(({ dht }) =>
    withFolder(async (folder) => {
      const seed = new Uint8Array(32).fill(7), binary = `${folder}/key`, digits = `${folder}/digits`;
      await Deno.writeFile(binary, seed);
      await Deno.writeTextFile(digits, `${seed.toHex()}\n`);
      const put = async (...args: string[]) => await dht("put", "--key-file", binary, "--salt", "s", ...args);
      const { key, ...first } = JSON.parse((await put("one", "--json")).out);
      assertEquals([first.salt, first.seq, first.nodes, first.refusals], ["s", 0, 3, []]);
      const get = async (...args: string[]) => (await dht("get", "--key", key, "--salt", "s", ...args)).out;
      assertEquals(await get(), "one\n");
      assertEquals(
        (await dht("put", "two", "--key-file", digits, "--salt", "s")).out,
        `Target     ${first.target}\nKey        ${key}\nVersion    1\nStored on  3 nodes\n`,
      );
      assertEquals(await get(), "two\n");
      const told = JSON.parse(await get("--json"));
      assertEquals([told.target, told.value, told.key, told.seq], [first.target, "two", key, 1]);
      assertEquals(decodeHex(told.signature).length, 64);
      assertEquals(await put("old", "--seq", "0"), {
        exitCode: 1,
        out: "",
        error: "error: Cannot store the value: version 1 is there already\n",
      });
      assertEquals(await put("three", "--seq", "9", "--cas", "5"), {
        exitCode: 1,
        out: "",
        error: "error: No DHT node took the value: 0 nodes, refused by 3 (error 301)\n",
      });
      assertEquals((await put("three", "--seq", "9", "--cas", "1")).exitCode, 0);
      assertEquals(await get(), "three\n");
      await Deno.writeTextFile(digits, "no key");
      assertEquals(await dht("put", "x", "--key-file", digits), {
        exitCode: 1,
        out: "",
        error: `error: Cannot use the key in "${digits}": neither 32 or 64 bytes nor as many in hex digits\n`,
      });
    })
  ));

Deno.test("dht sample and crawl tell what was announced", () =>
  withDht(async ({ place, dht }) => {
    await dht("announce", HASH, "--port", "4000");
    assertEquals(await run("dht", "sample", place, ...LOCAL), { exitCode: 0, out: `${HASH}\n`, error: "" });
    const sample = JSON.parse((await run("dht", "sample", place, "--json", "--target", HASH, ...LOCAL)).out);
    assertEquals([sample.infoHashes, sample.total, formatPeerAddress(sample.node)], [[HASH], 1, place]);
    assertEquals(sample.nodes.length >= 2, true);
    assertEquals(await dht("crawl"), { exitCode: 0, out: `${HASH}\n`, error: "" });
    const [line] = (await dht("crawl", "--count", "1", "--json")).out.trim().split("\n");
    assertEquals(JSON.parse(line!).infoHash, HASH);
  }));

Deno.test("dht commands fail soon and clearly when nobody answers", () =>
  withSilence(async (silent) => {
    const commands = [
      ["find", HASH],
      ["get-peers", HASH],
      ["announce", HASH, "--port", "1"],
      ["scrape", HASH],
      ["get", HASH],
      ["put", "x"],
      ["crawl"],
    ];
    const error = "error: Cannot reach the DHT: no node answers\n";
    await Promise.all(commands.map(async (args) => {
      const outcome = await run("dht", ...args, "--router", silent, ...LOCAL);
      assertEquals(outcome, { exitCode: 1, out: "", error }, args.join(" "));
    }));
    const impatient = await run("dht", "find", HASH, "--node", silent, "--timeout", "0", ...LOCAL);
    assertEquals(impatient, { exitCode: 1, out: "", error: "error: Not done in 0 seconds\n" });
    const sample = await run("dht", "sample", silent, ...LOCAL);
    assertEquals(sample, { exitCode: 1, out: "", error: `error: No answer from "${silent}"\n` });
  }));

Deno.test("dht commands say that a port is taken or a name unknown", () =>
  withSilence(async (silent) => {
    const { port } = new URL(`udp://${silent}`);
    const taken = await run("dht", "ping", silent, "--port", port, ...LOCAL);
    assertEquals([taken.exitCode, taken.out], [1, ""]);
    assertMatch(taken.error, /^error: Cannot bind UDP on [\w.:]+ port \d+: the address is in use\n$/);
    const unknown = await run("dht", "find", HASH, "--node", "no.such.invalid:1", ...LOCAL);
    assertEquals([unknown.exitCode, unknown.out], [1, ""]);
    assertStringIncludes(unknown.error, `error: Cannot find the address of "no.such.invalid"`);
  }));

Deno.test("dht commands end with 130 on Ctrl-C", () =>
  withSilence(async (silent) => {
    const terminal = new FakeTerminal();
    const running = runCli(["dht", "find", HASH, "--router", silent, ...LOCAL], terminal);
    terminal.interrupt();
    assertEquals([await running, terminal.out, terminal.error], [130, "", ""]);
  }));

Deno.test("dht commands keep nodes in the cache folder, and begin with them", () =>
  withDht(({ place }) =>
    withFolder(async (folder) => {
      const file = `${folder}/dht.snapshot`, local = ["--host", "127.0.0.1", "--cache", folder];
      assertEquals((await run("dht", "find", HASH, "--node", place, ...local, "--no-cache")).exitCode, 0);
      assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
      assertEquals((await run("dht", "find", HASH, "--node", place, ...local)).exitCode, 0);
      const kept = await Deno.readFile(file);
      await withSilence(async (silent) => {
        // The router is of no help: the nodes must come from the file.
        const { out } = await run("dht", "find", HASH, "--router", silent, ...local);
        assertStringIncludes(out, place);
        await Deno.writeFile(file, new Uint8Array(3));
        assertEquals((await run("dht", "find", HASH, "--router", silent, ...local)).exitCode, 1);
        assertEquals(await Deno.readFile(file), new Uint8Array(3), "a run in vain has forgotten the nodes");
      });
      assert(kept.length > 26);
    })
  ));

Deno.test({
  name: "dht nodes at several addresses are independent, and each keeps an id of its own (BEP 45)",
  ignore: Deno.build.os === "darwin", // which has no 127.0.0.2
  fn: () =>
    withDht(({ place, dht }) =>
      withFolder(async (cache) => {
        const live = async (isFirst: boolean) => {
          const nodes = ["127.0.0.1", "127.0.0.2"].map((host) => {
            const terminal = new FakeTerminal(),
              args = ["dht", "node", "--host", host, "--node", place, "--cache", cache];
            return { terminal, over: runCli(args, terminal) };
          });
          for (const { terminal } of nodes) await terminal.waitFor(/^ready, \d nodes?\n/m);
          const places = nodes.map(({ terminal }) =>
            /^DHT node (\S+) on (\S+)\n/.exec(terminal.out)!.slice(1)
          );
          for (const [id, at] of places) {
            assertStringIncludes((await dht("ping", at!)).out, `${id}  ${at}  `);
            // Until others name it; after a restart they would first have to see that nobody is at the old port.
            while (isFirst && !(await dht("find", id!)).out.includes(`${id}  ${at}\n`));
          }
          for (const { terminal } of nodes) terminal.interrupt();
          assertEquals(await Promise.all(nodes.map(({ over }) => over)), [0, 0]);
          return places.map(([id]) => id);
        };
        const ids = await live(true);
        assertEquals(new Set(ids).size, 2);
        assertEquals(await live(false), ids);
      })
    ),
});

Deno.test("dht nodes that run alike at the same time have ids of their own, and find them again", () =>
  withDht(({ place }) =>
    withFolder(async (cache) => {
      const args = ["dht", "node", "--host", "127.0.0.1", "--node", place, "--cache", cache];
      const live = async () => {
        const nodes = [new FakeTerminal(), new FakeTerminal()].map((terminal) => {
          return {
            terminal,
            over: runCli(args, terminal),
          };
        });
        for (const { terminal } of nodes) await terminal.waitFor(/^ready, \d nodes?\n/m);
        for (const { terminal } of nodes) terminal.interrupt();
        assertEquals(await Promise.all(nodes.map(({ over }) => over)), [0, 0]);
        return nodes.map(({ terminal }) => /^DHT node (\S+) on /.exec(terminal.out)![1]).sort();
      };
      const ids = await live();
      assertEquals(new Set(ids).size, 2);
      assertEquals(await live(), ids);
    })
  ));

Deno.test("dht node takes part until it is interrupted", () =>
  withDht(async ({ entry, dht }) => {
    const terminal = new FakeTerminal();
    const running = runCli(["dht", "node", ...entry], terminal);
    await terminal.waitFor(/^ready, \d nodes?\n/m);
    assertMatch(terminal.out, /^DHT node [0-9a-f]{40} on 127\.0\.0\.1:\d+\n(bootstrapping, 0 nodes\n)?ready/);
    const [, id, place] = /^DHT node (\S+) on (\S+)\n/.exec(terminal.out)!;
    assertStringIncludes((await dht("ping", place!)).out, id!);
    terminal.interrupt();
    assertEquals([await running, terminal.error], [0, ""]);
  }));

Deno.test("dht node --json prints events and numbers, and ends when its time is over", () =>
  withDht(async ({ entry }) => {
    const terminal = new FakeTerminal();
    assertEquals(await runCli(["dht", "node", "--json", "--timeout", "1", ...entry], terminal), 0);
    const lines = terminal.jsonLines, types = lines.map(({ type }) => type);
    assertEquals(types.toSorted().slice(-2), ["started", "stats"]);
    assert(lines.some(({ type, state }) => type === "dht" && state === "ready"), JSON.stringify(types));
    const stats = lines.find(({ type }) => type === "stats")!;
    assert(Number(stats.queriesSent) >= 1 && "repliesHeard" in stats && "queriesAnswered" in stats);
    const alone = new FakeTerminal({ columns: 80 });
    const quiet = ["dht", "node", "--router", "127.0.0.1:9", "--timeout", "0", ...LOCAL];
    assertEquals(await runCli(quiet, alone), 0);
    assertStringIncludes(alone.error, "keeps 0 peers of 0 torrents, 0 values");
  }));
