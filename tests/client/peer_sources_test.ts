import { assertEquals } from "@std/assert";
import type { ClientContext } from "../../src/client/client_context.ts";
import { Lifecycle } from "../../src/client/lifecycle.ts";
import { PeerSources, type PeerSourcesOptions } from "../../src/client/peer_sources.ts";
import { TorrentNames } from "../../src/client/torrent_names.ts";

/** Sources of a torrent without trackers, in a client whose DHT only counts its members. */
function make(options: Partial<PeerSourcesOptions> = {}): { sources: PeerSources; members: () => number } {
  let members = 0;
  const context = {
    random: () => 0.5,
    clock: { now: () => 0, schedule: () => () => {} },
    dht: { join: () => (members++, () => void members--), addNodes: () => Promise.resolve() },
  } as unknown as ClientContext;
  const sources = new PeerSources({
    context,
    life: new Lifecycle(context, "00".repeat(20), "metadata"),
    names: new TorrentNames({ infoHashV1: new Uint8Array(20) }),
    isPrivate: false,
    tiers: [],
    nodes: [],
    counters: () => ({ downloaded: 0, uploaded: 0, left: undefined }),
    isComplete: false,
    isHungry: () => true,
    isSatisfied: () => false,
    addPeers: () => {},
    dropPeers: () => {},
    ...options,
  });
  return { sources, members: () => members };
}

Deno.test("PeerSources is in the DHT between start and stop", async () => {
  const { sources, members } = make();
  sources.start();
  sources.start();
  assertEquals(members(), 1);
  await sources.stop();
  assertEquals(members(), 0);
});

Deno.test("PeerSources is in the DHT under both names of a hybrid, also under one that it learns late (BEP 52)", async () => {
  const infoHashV1 = new Uint8Array(20), infoHashV2 = new Uint8Array(32).fill(2);
  const hybrid = make({ names: new TorrentNames({ infoHashV1, infoHashV2 }) });
  hybrid.sources.start();
  assertEquals(hybrid.members(), 2);
  const { sources, members } = make();
  sources.start();
  sources.join(infoHashV2.subarray(0, 20));
  assertEquals(members(), 2);
  await sources.stop();
  sources.start();
  assertEquals(members(), 2);
  sources.becomePrivate();
  assertEquals(members(), 0);
});

Deno.test("PeerSources keeps a private torrent out of the DHT, also one that turned out to be private (BEP 27)", async () => {
  const known = make({ isPrivate: true });
  known.sources.start();
  assertEquals(known.members(), 0);
  const { sources, members } = make();
  sources.start();
  sources.becomePrivate();
  assertEquals(members(), 0);
  await sources.stop();
  sources.start();
  assertEquals(members(), 0, "it came back after a pause");
});

Deno.test("PeerSources.stop() settles when start() takes it back, and what that announces is not given up", async () => {
  const asked: { readonly event: string | undefined; readonly signal: AbortSignal }[] = [];
  const announce = (_: string, { event }: { event?: string }, { signal }: { signal: AbortSignal }) => {
    asked.push({ event, signal });
    return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const { sources } = make({
    context: {
      random: () => 0.5,
      clock: { now: () => 0, schedule: () => () => {} },
      trackers: { announce },
    } as unknown as ClientContext,
    tiers: [["http://tracker.example/announce"]],
  });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  sources.start();
  await turn();
  const stopping = sources.stop();
  await turn();
  sources.start();
  await stopping;
  await turn();
  assertEquals(asked.map(({ event }) => event), ["started", "stopped", "started"]);
  assertEquals(asked.map(({ signal }) => signal.aborted), [true, true, false]);
});

Deno.test("PeerSources drops its peers with the tracker if the torrent turned out to be private (BEP 27)", async () => {
  const [first, second] = ["http://one.example/announce", "http://two.example/announce"] as const;
  const asked: string[] = [], timers: (() => void)[] = [];
  let drops = 0, isDead = false;
  const announce = (tracker: string) => {
    asked.push(tracker);
    return isDead && tracker === first
      ? Promise.reject(new Error("gone"))
      : Promise.resolve({ type: "announced", intervalMs: 900_000, peers: [] });
  };
  let now = 0;
  const clock = {
    now: () => now,
    schedule: (_: number, callback: () => void) => (timers.push(callback), () => {}),
  };
  const { sources } = make({
    context: {
      random: () => 0.999999,
      clock,
      trackers: { announce },
    } as unknown as ClientContext,
    life: { emit: () => {}, infoHash: "" } as unknown as Lifecycle,
    tiers: [[first], [second]],
    dropPeers: () => void drops++,
  });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  sources.start();
  await turn();
  sources.becomePrivate();
  isDead = true;
  now = 1_000_000;
  timers.at(-1)!();
  await turn();
  assertEquals([asked, drops], [[first, first, second], 1]);
});

Deno.test("PeerSources believes trackers about this machine only if they are next to us", async () => {
  const hosts = ["1.2.3.4", "10.0.0.5", "127.0.0.6"],
    names: Readonly<Record<string, readonly string[]>> = {
      "inside.example": ["192.168.1.2"],
      "outside.example": ["5.6.7.8"],
      "both.example": ["5.6.7.8", "127.0.0.1"],
      "peer.example": ["127.0.0.7"],
    };
  const network = {
    resolve: (host: string) => names[host] ? Promise.resolve(names[host]) : Promise.reject(new Error("no")),
  };
  const announce = () =>
    Promise.resolve({
      type: "announced",
      intervalMs: 900_000,
      peers: hosts.map((host) => ({ host, port: 1 })),
      namedPeers: [{ host: "peer.example", port: 1 }],
    });
  const everybody = [...hosts, "127.0.0.7"];
  const trackers: Readonly<Record<string, readonly string[]>> = {
    "http://127.0.0.1/announce": everybody,
    "http://[::1]:80/announce": everybody,
    "udp://192.168.1.1:6969": everybody,
    "http://inside.example/announce": everybody,
    "http://outside.example/announce": hosts.slice(0, 2),
    "http://both.example/announce": hosts.slice(0, 2),
    "http://unknown.example/announce": hosts.slice(0, 2),
    "udp://5.6.7.8:6969": hosts.slice(0, 2),
  };
  for (const [tracker, believed] of Object.entries(trackers)) {
    const told: string[] = [];
    const { sources } = make({
      context: {
        random: () => 0.5,
        clock: { now: () => 0, schedule: () => () => {} },
        trackers: { announce },
        network,
      } as unknown as ClientContext,
      life: { emit: () => {}, infoHash: "", signal: new AbortController().signal } as unknown as Lifecycle,
      tiers: [[tracker]],
      addPeers: (_, peers) => void told.push(...peers.map(({ host }) => host)),
    });
    sources.start();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(told.toSorted(), [...believed].toSorted(), tracker);
  }
});
