import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/main.ts";
import { readProxy } from "../../src/cli/proxy_option.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import { Socks5Server } from "../io/socks5_server.ts";
import { FakeTerminal, run } from "./fake_terminal.ts";
import { FILES, type Swarm, whileSeeding, withSwarm } from "./loopback_swarm.ts";

const LOCAL = ["--host", "127.0.0.1", "--no-dht"];

async function assertWhole(folder: string): Promise<void> {
  for (const { path, content } of FILES) {
    assertEquals(await Deno.readFile(`${folder}/data/${path.join("/")}`), content);
  }
}

/** Downloads, with events, until standard output matches or the download ends. */
async function downloadUntil(pattern: RegExp, ...args: string[]): Promise<FakeTerminal> {
  const terminal = new FakeTerminal(), running = runCli(["download", ...args, "--json"], terminal);
  await Promise.race([terminal.waitFor(pattern), running]);
  terminal.interrupt();
  await running;
  assertMatch(terminal.out, pattern);
  return terminal;
}

for (const encryption of ["allowed", "preferred", "required"]) {
  Deno.test(`download --encryption ${encryption} has its way with a seed that requires encryption`, () =>
    withSwarm(async (swarm) => {
      const target = `${swarm.folder}/target`, args = ["--encryption", encryption, ...LOCAL];
      await whileSeeding(swarm, ["--encryption", "required"], async () => {
        const { exitCode } = await run("download", swarm.torrent, "-o", target, ...args);
        assertEquals(exitCode, 0);
      });
      await assertWhole(target);
    }));
}

for (const [seed, download] of [["required", "disabled"], ["disabled", "required"]] as const) {
  Deno.test(`download --encryption ${download} says that it cannot talk to a seed with ${seed}`, () =>
    withSwarm(async (swarm) => {
      const args = [swarm.torrent, "-o", `${swarm.folder}/target`, "--encryption", download, ...LOCAL];
      await whileSeeding(swarm, ["--encryption", seed], async (peer) => {
        const { jsonLines } = await downloadUntil(/"dialFailed"/, ...args);
        const { error } = jsonLines.find(({ type }) => type === "dialFailed")!;
        assertEquals(
          error,
          download === "disabled"
            ? `Cannot talk to ${peer}: closed by peer`
            : "Cannot encrypt connection: the peer closed the connection",
        );
        assertEquals(jsonLines.filter(({ type }) => type === "peerConnected"), []);
      });
    }));
}

/** A SOCKS5 proxy that wants a password, and the option that names it. */
async function withProxy(body: (proxy: Socks5Server, url: string) => Promise<void>): Promise<void> {
  const user = ["us", "p@ss"] as const, bind = { host: "127.0.0.1", port: 0 };
  const proxy = await Socks5Server.open(denoNetwork, bind, { user });
  try {
    await body(proxy, `socks5://us:p%40ss@127.0.0.1:${proxy.address.port}`);
  } finally {
    await proxy.close();
  }
}

function trackerOf({ announceUrl }: Swarm): string {
  return `connect ${new URL(announceUrl).host}`;
}

Deno.test("download --proxy reaches the tracker and the seed through the proxy, and listens nowhere", () =>
  withSwarm((swarm) =>
    withProxy(async (proxy, url) => {
      const target = `${swarm.folder}/target`;
      await whileSeeding(swarm, [], async (peer) => {
        const terminal = new FakeTerminal();
        const args = ["download", swarm.torrent, "-o", target, "--no-dht", "--proxy", url, "--json"];
        assertEquals([await runCli(args, terminal), terminal.error], [0, ""]);
        assertEquals(terminal.jsonLines.filter(({ type }) => type === "listening"), []);
        // The tracker is asked over one connection, which is kept.
        assertEquals(proxy.asked, [trackerOf(swarm), `connect ${peer}`]);
      });
      await assertWhole(target);
      assertEquals(swarm.events.filter((event) => event === "started").length, 2);
    })
  ));

Deno.test("seed --proxy dials the peers that the tracker tells", () =>
  withSwarm((swarm) =>
    withProxy(async (proxy, url) => {
      const target = `${swarm.folder}/target`, leecher = new FakeTerminal();
      const downloading = runCli(["download", swarm.torrent, "-o", target, "--json", ...LOCAL], leecher);
      await leecher.waitFor(/"announced"/);
      const seed = new FakeTerminal();
      const seeding = runCli(["seed", swarm.torrent, swarm.source, "--no-dht", "--proxy", url], seed);
      assertEquals(await downloading, 0);
      seed.interrupt();
      assertEquals([await seeding, seed.error], [0, ""]);
      assertMatch(seed.out, /^Seeding data \(440 KiB\)\nSent \d+ KiB\n$/);
      const { address } = leecher.jsonLines[0] as { address: { host: string; port: number } };
      assertEquals(proxy.asked.slice(0, 2), [trackerOf(swarm), `connect 127.0.0.1:${address.port}`]);
      await assertWhole(target);
    })
  ));

Deno.test("download --proxy does not go past a proxy that is not there, nor one that lets it not in", () =>
  withSwarm((swarm) =>
    withProxy(async (proxy, url) => {
      using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const dead = `socks5://127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
      taken.close();
      const strangers = [dead, url.replace("us:", "them:"), dead.replace("socks5", "http")];
      await whileSeeding(swarm, ["--no-announce"], async (peer) => {
        for (const stranger of strangers) {
          const args = [swarm.torrent, "-o", `${swarm.folder}/target`, "--peer", peer, "--proxy", stranger];
          const { jsonLines } = await downloadUntil(
            /"dialFailed"(.|\n)*"announceFailed"|"announceFailed"(.|\n)*"dialFailed"/,
            ...args,
          );
          assertEquals(jsonLines.filter(({ type }) => type === "peerConnected" || type === "announced"), []);
        }
      });
      assertEquals([proxy.asked, swarm.events], [[], []]);
    })
  ));

Deno.test("download --proxy takes part in the DHT by the relay of a SOCKS5 proxy", () =>
  withSwarm((swarm) =>
    withProxy(async (proxy, url) => {
      const node = await denoNetwork.bindDatagram({ host: "127.0.0.1" }), terminal = new FakeTerminal();
      const args = ["--dht-node", `127.0.0.1:${node.address.port}`, "--proxy", url];
      const running = runCli(
        ["download", swarm.torrent, "-o", `${swarm.folder}/target`, ...args],
        terminal,
      );
      const { from } = (await node.receive(new Uint8Array(1500)))!;
      assertEquals(from, proxy.relay?.address);
      terminal.interrupt();
      assertEquals(await running, 130);
      node.close();
    })
  ));

Deno.test("download --proxy does not look names of peers up", () =>
  withSwarm(async ({ torrent }) => {
    const args = ["download", torrent, "--peer", "localhost:1", "--proxy", "socks5://127.0.0.1:1"];
    const { exitCode, error } = await run(...args);
    assertEquals(exitCode, 1);
    assertStringIncludes(error, 'Cannot find the address of "localhost": the SOCKS5 proxy does not carry it');
  }));

Deno.test({
  name: "download --host lets nothing come from another address",
  ignore: Deno.build.os !== "linux", // where every address that begins with 127 is this machine's
  fn: () =>
    withSwarm(async (swarm) => {
      const target = `${swarm.folder}/target`;
      await whileSeeding(swarm, [], async () => {
        const args = [swarm.torrent, "-o", target, "--no-dht", "--host", "127.0.0.5", "--json"];
        const terminal = new FakeTerminal();
        assertEquals(await runCli(["download", ...args], terminal), 0);
        const [listening] = terminal.jsonLines as unknown as [{ address: { host: string } }];
        assertEquals(listening.address.host, "127.0.0.5");
      });
      await assertWhole(target);
      assertEquals(swarm.hosts.filter((host) => host === "127.0.0.5").length, 3); // started, completed, stopped
      assertEquals(swarm.hosts.length, 5);
    }),
});

Deno.test("download refuses restrictions that make no sense, and repeats no password", () =>
  withSwarm(async ({ torrent }) => {
    const cases: [args: string[], message: RegExp][] = [
      [["--encryption", "Required"], /"Required" is none of disabled, allowed, preferred, required$/],
      [["--host", "localhost"], /"localhost" as local address: it is no IP address$/],
      [["--proxy", "socks5://127.0.0.1:1", "--port", "1"], /--port with --proxy/],
      [["--proxy", "ftp://us:secret@127.0.0.1:1"], /--proxy: it is neither socks5:.* nor http:/],
      [["--proxy", "socks5://us:secret@proxy"], /^error: "proxy" is not HOST:PORT$/],
      [["--proxy", "http://us%3a:secret@proxy:1"], /username contains a colon$/],
    ];
    for (const [args, message] of cases) {
      const { exitCode, out, error } = await run("download", torrent, ...args);
      assertEquals([exitCode, out], [2, ""]);
      assertMatch(error.split("\n")[0]!, message);
      assert(!error.includes("secret"), error);
    }
  }));

Deno.test("readProxy() reads every part", () => {
  assertEquals(readProxy("socks5://127.0.0.1:1080"), { protocol: "socks5", host: "127.0.0.1", port: 1080 });
  assertEquals(readProxy("SOCKS5H://[::1]:9050/"), { protocol: "socks5", host: "::1", port: 9050 });
  assertEquals(readProxy("http://a%40b:c%3Ad%2f@proxy.example:80"), {
    protocol: "http",
    host: "proxy.example",
    port: 80,
    username: "a@b",
    password: "c:d/",
  });
  assertEquals(readProxy("http://user@proxy:80"), {
    protocol: "http",
    host: "proxy",
    port: 80,
    username: "user",
  });
});
