import { assert, assertEquals, assertRejects } from "@std/assert";
import { StateError, TransportError } from "../../src/errors.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { TrackerClient } from "../../src/io/tracker_client.ts";
import { UdpTrackers } from "../../src/io/udp_trackers.ts";
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
    fetch: ({ url }: Request) => Promise.reject(new Error(`for ${url}`)),
  };
  const broken = new TrackerClient({ network: network2 as never, clock, random: seededRandom(1) });
  serve(network, PUBLIC, () => new Response("nonsense", { status: 404 }));
  const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError("cut off")) });
  const errors = [
    await assertRejects(() => announce(url), TransportError, "HTTP status 404"),
    await assertRejects(() => broken.announce(url, REQUEST), TransportError, `http://${PUBLIC}`),
    await assertRejects(() => client.scrape(`http://${PUBLIC}/passkey/x`, [HASH]), TransportError, "scrape"),
  ];
  serve(network, PUBLIC, () => new Response(body));
  errors.push(await assertRejects(() => announce(url), TransportError, "cut off"));
  serve(network, PUBLIC, () => new Response(new Uint8Array(1024 * 1024 + 1)));
  errors.push(await assertRejects(() => announce(url), TransportError, "exceeds 1048576 bytes"));
  for (const { message } of errors) assert(!message.includes("passkey"), message);
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
