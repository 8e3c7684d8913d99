/** Announces over both families of addresses: through a real HTTP and a real UDP tracker on loopback, and in virtual time. */
import { assert, assertEquals } from "@std/assert";
import { createClient } from "../../src/client/client.ts";
import { isIpv6 } from "../../src/peer/ip.ts";
import type { Network } from "../../src/io/transport.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { encodeAnnounceResponse } from "../../src/tracker/messages/http.ts";
import { decodeUdpRequest, encodeUdpResponse } from "../../src/tracker/messages/udp.ts";
import { withFolder } from "../with_folder.ts";
import { VirtualSwarm } from "./virtual_swarm.ts";

const V4 = "127.0.0.1", V6 = "::1", NAME = "tracker.example";

/** The real network, where the tracker's name stands for both addresses of loopback. */
const NETWORK: Network = {
  ...denoNetwork,
  choosesFamily: true,
  resolve: (host, options) => host === NAME ? Promise.resolve([V4, V6]) : denoNetwork.resolve(host, options),
};

/** What a tracker heard: over which family, and what. */
interface Heard {
  readonly family: string;
  readonly event: string | undefined;
  readonly identity: string;
}

/** A client with a complete torrent comes, downloads nothing and goes. Answers what the tracker heard, in a fixed order. */
async function visit(
  announce: string,
  heard: readonly Heard[],
  seen: Promise<void>,
): Promise<readonly Heard[]> {
  await withFolder(async (directory) => {
    const content = new Uint8Array(1000).fill(1);
    await Deno.writeFile(`${directory}/a`, content);
    const bytes = await createTorrent([{ path: ["a"], content }], { version: "1", announce: [[announce]] });
    await using client = await createClient({ network: NETWORK, directory, dht: false });
    await client.add(bytes);
    await seen;
  });
  return heard.toSorted((a, b) => `${a.event}${a.family}` < `${b.event}${b.family}` ? -1 : 1);
}

/** Collects, and says when both families have been heard. */
function collect() {
  const heard: Heard[] = [], both = Promise.withResolvers<void>();
  return {
    heard,
    seen: both.promise,
    hear: (one: Heard) => {
      if (heard.push(one) === 2) both.resolve();
    },
  };
}

function assertBoth(heard: readonly Heard[]): void {
  assertEquals(heard.map(({ event, family }) => `${event} ${family}`), [
    "started 4",
    "started 6",
    "stopped 4",
    "stopped 6",
  ]);
  assertEquals(new Set(heard.map(({ identity }) => identity)).size, 1, "key, peer id and port are the same");
}

Deno.test('a client announces to an HTTP tracker over IPv4 and IPv6 (BEP 7 "Tracker Hostname Resolution")', async () => {
  const { heard, seen, hear } = collect();
  const answer = (request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
    const { searchParams: query, host } = new URL(request.url);
    hear({
      family: isIpv6(remoteAddr.hostname) ? "6" : "4",
      event: query.get("event") ?? undefined,
      identity: ["key", "peer_id", "port"].map((name) => query.get(name)).join() + host,
    });
    return new Response(encodeAnnounceResponse({ type: "announced", intervalMs: 900_000, peers: [] }, {}));
  };
  await using v4 = Deno.serve({ hostname: V4, port: 0, onListen: () => {} }, answer);
  await using _v6 = Deno.serve({ hostname: V6, port: v4.addr.port, onListen: () => {} }, answer);
  assertBoth(await visit(`http://${NAME}:${v4.addr.port}/announce`, heard, seen));
});

Deno.test("a client announces to a UDP tracker over IPv4 and IPv6 (BEP 7, 15)", async () => {
  const { heard, seen, hear } = collect();
  const v4 = await denoNetwork.bindDatagram({ host: V4 });
  const v6 = await denoNetwork.bindDatagram({ host: V6, port: v4.address.port });
  const serving = [v4, v6].map(async (socket) => {
    const family = socket === v6 ? 6 : 4;
    for (let datagram; (datagram = await socket.receive(new Uint8Array(2048))) !== null;) {
      const request = decodeUdpRequest(datagram.bytes), { transactionId } = request;
      if (request.type === "announce") {
        const { event, key, peerId, port } = request.request;
        hear({ family: String(family), event, identity: `${key} ${peerId} ${port}` });
      }
      const reply = request.type === "connect"
        ? encodeUdpResponse({ type: "connect", transactionId, connectionId: 7n }, family)
        : encodeUdpResponse({
          type: "announce",
          transactionId,
          response: { type: "announced", intervalMs: 900_000, peers: [], complete: 1, incomplete: 0 },
        }, family);
      await socket.send(reply, datagram.from);
    }
  });
  assertBoth(await visit(`udp://${NAME}:${v4.address.port}/announce`, heard, seen));
  v4.close();
  v6.close();
  await Promise.all(serving);
});

/** A dual-stack client, and a tracker with a host for each family: what the client tells of it. */
async function setUp() {
  const swarm = new VirtualSwarm(), { network } = swarm, asked: string[] = [];
  network.name(NAME, ["10.0.0.9", "fd00::9"]);
  for (const host of ["10.0.0.9", "fd00::9"]) network.host(host);
  network.serve(`http://${NAME}`, ({ url }) => {
    asked.push(new URL(url).searchParams.get("event") ?? "-");
    return new Response("d8:intervali1800e5:peers0:e");
  });
  network.host("10.0.0.1", "fd00::1");
  const client = await swarm.client("10.0.0.1"), events: string[] = [];
  void (async () => {
    for await (const event of client.events()) {
      if (event.type === "announced") events.push(`announced ${event.family}`);
      if (event.type === "announceFailed") events.push(`announceFailed ${event.error.message}`);
    }
  })();
  const add = async (url: string) => await client.add(await swarm.torrent({ announce: [[url]] }));
  return { swarm, network, client, asked, events, add };
}

Deno.test("a tracker that one family does not reach has not failed, and is announced to again as it asks", async () => {
  const { swarm, network, client, asked, events, add } = await setUp();
  await using _ = swarm;
  network.cut("10.0.0.1", "fd00::9");
  await add(`http://${NAME}/announce`);
  await swarm.clock.advance(100_000);
  assertEquals([asked, events], [["started"], ["announced 4"]]);
  network.restore("10.0.0.1", "fd00::9");
  await swarm.clock.advance(300_000);
  assertEquals([asked, events], [["started", "started"], ["announced 4", "announced 6"]]);
  network.cut("10.0.0.1", "10.0.0.9");
  network.cut("10.0.0.1", "fd00::9");
  await swarm.clock.advance(2_200_000);
  assert(
    events.length > 2 && events.slice(2).every((text) => text.startsWith("announceFailed")),
    events.join(),
  );
  network.restore("10.0.0.1", "10.0.0.9");
  await swarm.clock.runUntil(client.close());
  assertEquals(asked.at(-1), "stopped");
});

Deno.test("a tracker with one family of addresses is announced to over it alone", async () => {
  for (const url of ["http://10.0.0.8/announce", "http://four.example/announce"]) {
    const { swarm, network, events, add } = await setUp(), asked: string[] = [];
    await using _ = swarm;
    network.host("10.0.0.8");
    network.name("four.example", ["10.0.0.8"]);
    network.serve(new URL(url).origin, ({ url }) => {
      asked.push(url);
      return new Response("d8:intervali1800e5:peers0:e");
    });
    await add(url);
    await swarm.clock.advance(10_000);
    assertEquals([asked.length, events], [1, ["announced 4"]]);
  }
});

Deno.test("a client that listens at one address announces once", async () => {
  const swarm = new VirtualSwarm(), { network } = swarm, asked: string[] = [];
  await using _ = swarm;
  network.name(NAME, ["fd00::9", "10.0.0.9"]);
  network.host("10.0.0.9", "fd00::9");
  network.serve(`http://${NAME}`, ({ url }) => {
    asked.push(url);
    return new Response("d8:intervali1800e5:peers0:e");
  });
  network.host("10.0.0.1", "fd00::1");
  const client = await swarm.client("10.0.0.1", { host: "10.0.0.1" });
  await client.add(await swarm.torrent({ announce: [[`http://${NAME}/announce`]] }));
  await swarm.clock.advance(10_000);
  assertEquals(asked.length, 1);
});

Deno.test("a UDP tracker with no address that our socket reaches is said to be out of reach, not to have none", async () => {
  const swarm = new VirtualSwarm(), failures: string[] = [];
  await using _ = swarm;
  swarm.network.name("six.example", ["fd00::9"]);
  const client = await swarm.client("10.0.0.1");
  void (async () => {
    for await (const event of client.events()) {
      if (event.type === "announceFailed") failures.push(event.error.message);
    }
  })();
  await client.add(await swarm.torrent({ announce: [["udp://six.example:6969"]] }));
  await swarm.clock.advance(10_000);
  assertEquals(failures, ["The tracker has no address of IPv6 that we can reach"]);
});
