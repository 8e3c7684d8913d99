import { assert, assertEquals, assertRejects } from "@std/assert";
import { StateError, TransportError } from "../../src/errors.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { TrackerClient } from "../../src/io/tracker_client.ts";
import type { DialOptions, FetchOptions } from "../../src/io/transport.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import { UdpTrackers } from "../../src/io/udp_trackers.ts";
import { withSignal } from "../../src/io/with_signal.ts";
import { seededRandom, VirtualClock, VirtualNetwork } from "../../src/testing/mod.ts";

const HERE = "10.0.0.1", PUBLIC = "20.0.0.2", HASH = new Uint8Array(20).fill(7);

const REQUEST = {
  infoHash: HASH,
  peerId: new Uint8Array(20).fill(8),
  port: 6881,
  downloaded: 0,
  uploaded: 0,
  left: 1,
};

/** A client on one host of a virtual network. */
function setUp() {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock }), random = seededRandom(1);
  const client = new TrackerClient({ network: network.host(HERE), clock, random });
  const announce = (url: string) => clock.runUntil(client.announce(url, REQUEST));
  return { clock, network, random, client, announce };
}

/** A host that answers every request by HTTP. */
function serve(network: VirtualNetwork, host: string, answer: (url: string) => Response): void {
  network.host(host);
  network.serve(`http://${host}`, ({ url }) => answer(url));
}

const movedTo = (location: string) => new Response(null, { status: 302, headers: { location } });

Deno.test("TrackerClient.announce() follows a tracker that has moved, but not into the local network", async () => {
  const { network, announce } = setUp();
  serve(network, "20.0.0.3", () => new Response("d8:intervali900e5:peers0:e"));
  for (const local of ["127.0.0.1", "192.168.1.1", "10.0.0.7", "[::1]", "169.254.169.254"]) {
    serve(network, PUBLIC, () => movedTo(`http://${local}/announce`));
    await assertRejects(() => announce(`http://${PUBLIC}/announce`), TransportError, "local network");
  }
  network.name("inside.example", ["10.0.0.7"]);
  serve(network, PUBLIC, () => movedTo("http://inside.example/announce"));
  await assertRejects(() => announce(`http://${PUBLIC}/announce`), TransportError, "local network");
  serve(network, PUBLIC, () => movedTo("http://20.0.0.3/announce"));
  assertEquals((await announce(`http://${PUBLIC}/announce`))?.type, "announced");
});

Deno.test("TrackerClient.announce() follows a tracker of our own network within it", async () => {
  const { network, announce } = setUp();
  serve(network, "10.0.0.7", () => new Response("d8:intervali900e5:peers0:e"));
  for (const home of ["10.0.0.5", "tracker.lan"]) {
    network.name("tracker.lan", ["10.0.0.5"]);
    serve(network, "10.0.0.5", () => movedTo("http://10.0.0.7/announce"));
    network.serve("http://tracker.lan", () => movedTo("http://10.0.0.7/announce"));
    assertEquals((await announce(`http://${home}/announce`))?.type, "announced");
  }
});

Deno.test("TrackerClient.announce() takes no tracker for one of our own network because its name says so afterwards", async () => {
  for (const looked of [["10.0.0.5"], ["10.0.0.5", PUBLIC]]) {
    const { clock, network } = setUp(), asked: string[] = [], here = network.host(HERE);
    network.name("fickle.example", [PUBLIC]);
    network.host(PUBLIC);
    network.serve("http://fickle.example", () => movedTo("http://10.0.0.7/reboot"));
    serve(network, "10.0.0.7", (url) => (asked.push(url), new Response("de")));
    const fickle = { fetch: here.fetch.bind(here), resolve: () => Promise.resolve(looked) };
    const client = new TrackerClient({ network: fickle as never, clock, random: seededRandom(1) });
    const announcing = client.announce("http://fickle.example/announce", REQUEST);
    await assertRejects(() => clock.runUntil(announcing), TransportError);
    assertEquals(asked, []);
  }
});

Deno.test("TrackerClient.announce() gives up on redirects without end, and on those to other schemes", async () => {
  const { network, announce } = setUp();
  serve(network, PUBLIC, () => movedTo("/announce"));
  await assertRejects(() => announce(`http://${PUBLIC}/announce`), TransportError, "too many redirects");
  serve(network, PUBLIC, () => movedTo("file:///etc/passwd"));
  await assertRejects(() => announce(`http://${PUBLIC}/announce`), TransportError, "redirect to nowhere");
  serve(network, PUBLIC, () => new Response(null, { status: 301 }));
  await assertRejects(() => announce(`http://${PUBLIC}/announce`), TransportError, "redirect to nowhere");
});

Deno.test("TrackerClient says in no error what stands in a tracker's path", async () => {
  const { clock, network, client, announce } = setUp(), url = `http://${PUBLIC}/passkey/announce`;
  const network2 = {
    ...network.host(HERE),
    fetch: ({ url }: Request) => {
      const moved = url.replace(PUBLIC, "tracker.example");
      return Promise.reject(new TransportError(`for ${url}`, { cause: new Error(`for ${moved}`) }));
    },
  };
  const broken = new TrackerClient({ network: network2 as never, clock, random: seededRandom(1) });
  serve(network, PUBLIC, () => new Response("nonsense", { status: 404 }));
  const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError("cut off")) });
  const errors = [
    await assertRejects(() => announce(url), TransportError, "HTTP status 404"),
    await assertRejects(() => broken.announce(url, REQUEST), TransportError, `http://${PUBLIC}`),
    await assertRejects(() => client.scrape(`http://${PUBLIC}/passkey/x`, [HASH]), TransportError, "scrape"),
    await assertRejects(() => announce("udp://tracker.example/passkey"), TransportError, "not a tracker"),
    await assertRejects(() => announce("wss://tracker.example/passkey"), TransportError, "WebRTC"),
  ];
  serve(network, PUBLIC, () => new Response(body));
  errors.push(await assertRejects(() => announce(url), TransportError, "cut off"));
  serve(network, PUBLIC, () => new Response(new Uint8Array(1024 * 1024 + 1)));
  errors.push(await assertRejects(() => announce(url), TransportError, "exceeds 1048576 bytes"));
  network.cut(HERE, PUBLIC);
  errors.push(await assertRejects(() => announce(url), TransportError, "no answer in 30 seconds"));
  for (const error of errors) assert(!Deno.inspect(error).includes("passkey"), Deno.inspect(error));
});

Deno.test("TrackerClient.announce() asks a UDP tracker at an address that our socket reaches", async () => {
  const { clock, network, client } = setUp();
  network.name("both.example", ["fd00::9", PUBLIC]);
  network.name("six.example", ["fd00::9"]);
  const socket = await network.host(PUBLIC).bindDatagram({ port: 6969 });
  const asked = client.announce("udp://both.example:6969", REQUEST);
  asked.catch(() => {});
  const datagram = await clock.runUntil(socket.receive(new Uint8Array(100)), { limitMs: 1000 });
  assertEquals(datagram?.from.host, HERE);
  await assertRejects(() => client.announce("udp://six.example:6969", REQUEST), TransportError, "no address");
  await client.close();
  await assertRejects(() => asked);
});

Deno.test("TrackerClient.announceOver() keeps to the family, also where the tracker has moved (BEP 7)", async () => {
  const { clock, network } = setUp(), here = network.host(HERE), asked: string[] = [];
  const watched = {
    resolve: here.resolve.bind(here),
    fetch: (request: Request, { addresses, family }: FetchOptions) => {
      asked.push(`${new URL(request.url).host} ${addresses} ${family}`);
      return here.fetch(request, { ...(addresses && { addresses }), ...(family && { family }) });
    },
  };
  const client = new TrackerClient({ network: watched as never, clock, random: seededRandom(1) });
  const announce = (family: 4 | 6, url: string) =>
    clock.runUntil(client.announceOver(url, REQUEST, { family }));
  network.name("both.example", [PUBLIC, "2a00::9"]);
  network.name("moved.example", ["2a00::8", "20.0.0.8"]);
  network.name("four.example", [PUBLIC]);
  for (const host of [PUBLIC, "2a00::9", "2a00::8", "20.0.0.8"]) network.host(host);
  network.serve("http://both.example", () => movedTo("http://moved.example/announce"));
  network.serve("http://moved.example", () => new Response("d8:intervali900e5:peers0:e"));
  assertEquals((await announce(6, "http://both.example/announce"))?.type, "announced");
  assertEquals((await announce(4, "http://both.example/announce"))?.type, "announced");
  assertEquals(asked.splice(0), [
    "both.example 2a00::9 6",
    "moved.example 2a00::8 6",
    `both.example ${PUBLIC} 4`,
    "moved.example 20.0.0.8 4",
  ]);
  network.serve("http://both.example", () => movedTo("http://four.example/announce"));
  await assertRejects(() => announce(6, "http://both.example/announce"), TransportError, "no address");
  asked.length = 0;
  network.serve("http://four.example", () => new Response("d8:intervali900e5:peers0:e"));
  assertEquals((await announce(4, "http://four.example/announce"))?.type, "announced");
  assertEquals(asked, ["four.example undefined undefined"], "there is nothing to choose");
  for (const url of ["http://four.example/announce", `http://${PUBLIC}/announce`]) {
    assertEquals(await announce(6, url), undefined);
  }
  assertEquals(await announce(4, "http://[2a00::9]/announce"), undefined);
  await assertRejects(() => announce(6, "http://nobody.example/announce"), TransportError, "nobody.example");
});

Deno.test("TrackerClient.announceOver() reaches a UDP tracker over the families that our socket has (BEP 7, 15)", async () => {
  const { clock, network } = setUp(), random = seededRandom(1);
  const client = new TrackerClient({ network: network.host("fd00::3"), clock, random });
  network.name("both.example", [PUBLIC, "fd00::9"]);
  network.name("six.example", ["fd00::9"]);
  const answer = client.announceOver("udp://six.example:6969", REQUEST, { family: 4 });
  assertEquals(await clock.runUntil(answer), undefined);
  const four = setUp(),
    over = (family: 4 | 6) => four.client.announceOver("udp://both.example:6969", REQUEST, { family });
  four.network.name("both.example", ["fd00::9", PUBLIC]);
  const socket = await four.network.host(PUBLIC).bindDatagram({ port: 6969 });
  assertEquals(await four.clock.runUntil(over(6)), undefined);
  const asked = over(4);
  asked.catch(() => {});
  assertEquals(
    (await four.clock.runUntil(socket.receive(new Uint8Array(99)), { limitMs: 1000 }))?.from.host,
    HERE,
  );
  await Promise.all([client.close(), four.client.close()]);
  await assertRejects(() => asked);
});

Deno.test("TrackerClient gives up the lookup of where a tracker has moved", async () => {
  const { clock, network } = setUp(), here = network.host(HERE), abort = new AbortController();
  const signals: (AbortSignal | undefined)[] = [];
  serve(network, PUBLIC, () => movedTo("http://moved.example/announce"));
  const slow = {
    fetch: here.fetch.bind(here),
    resolve: (_: string, { signal }: DialOptions = {}) => {
      signals.push(signal);
      abort.abort(new Error("enough"));
      return withSignal(new Promise<never>(() => {}), signal);
    },
  };
  const client = new TrackerClient({ network: slow as never, clock, random: seededRandom(1) });
  const asked = client.announce(`http://${PUBLIC}/announce`, REQUEST, { signal: abort.signal });
  await assertRejects(() => clock.runUntil(asked), Error, "enough");
  assertEquals(signals.map((signal) => signal?.aborted), [true]);
});

Deno.test("UdpTrackers.ask() that is given up while the socket is bound ends at once", async () => {
  const { clock, network, random } = setUp(), hub = new DatagramHub(network.host(HERE));
  const trackers = new UdpTrackers({ hub, clock, random }), abort = new AbortController();
  const request = { type: "scrape", infoHashes: [HASH] } as const, address = { host: PUBLIC, port: 1 };
  const asked = trackers.ask(address, request, abort.signal);
  abort.abort(new Error("enough"));
  await assertRejects(() => asked, Error, "enough");
  const late = trackers.ask(address, request, new AbortController().signal);
  trackers.close();
  await assertRejects(() => late, StateError);
  await hub.close();
});

Deno.test("UdpTrackers.ask() fails at once where no datagram can be sent, and answers others", async () => {
  const { clock, network, random } = setUp(),
    bindDatagram = async () => {
      const socket = await network.host(HERE).bindDatagram();
      return {
        address: socket.address,
        receive: socket.receive.bind(socket),
        close: socket.close.bind(socket),
        send: async (bytes: Uint8Array, to: PeerAddress) => {
          if (to.host === "fd00::9") throw new TransportError("Cannot send: the network is unreachable");
          await socket.send(bytes, to);
        },
      };
    };
  const hub = new DatagramHub({ bindDatagram } as never), trackers = new UdpTrackers({ hub, clock, random });
  const { signal } = new AbortController(), request = { type: "scrape", infoHashes: [HASH] } as const;
  const other = trackers.ask({ host: PUBLIC, port: 1 }, request, signal);
  const asked = [1, 2].map(() => trackers.ask({ host: "fd00::9", port: 1 }, request, signal));
  const failed = asked.map((one) => assertRejects(() => one, TransportError, "is unreachable"));
  await clock.runUntil(Promise.all(failed), { limitMs: 1000 });
  await assertRejects(() => clock.runUntil(other), TransportError, "no answer");
  trackers.close();
  await hub.close();
});
