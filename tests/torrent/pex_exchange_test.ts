import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { DecodeError } from "../../src/errors.ts";
import { formatPeerAddress, type PeerAddress } from "../../src/peer/address.ts";
import { type PexEffect, PexExchange, type PexInput } from "../../src/torrent/pex_exchange.ts";
import { decodePex, encodePex, PEX_FLAGS, type PexMessage } from "../../src/wire/messages/pex.ts";

const MINUTE = 60_000;
const GATHER = 5_000;
const PERIOD = 65_000;

interface ConnectOptions {
  readonly host?: string;
  readonly port?: number;
  readonly direction?: "outgoing" | "incoming";
  readonly utp?: boolean;
  /** It lists ut_pex; true by default. */
  readonly pex?: boolean;
}

interface Sent {
  readonly at: number;
  readonly peer: number;
  readonly message: PexMessage;
}

/** An exchange in virtual time. */
class World {
  readonly exchange = new PexExchange();
  readonly sent: Sent[] = [];
  now = 0;
  #lastKey = 0;

  tell(input: PexInput): readonly PexEffect[] {
    const effects = this.exchange.handle(input, this.now);
    for (const effect of effects) {
      if (effect.type === "send") {
        this.sent.push({ at: this.now, peer: effect.peer, message: effect.message });
      }
    }
    return effects;
  }

  connect(options: ConnectOptions = {}): number {
    const peer = ++this.#lastKey, { host = hostOf(peer), port = 6881, direction = "outgoing" } = options;
    const { utp = false, pex = true } = options;
    this.tell({ type: "peerConnected", peer, address: { host, port }, direction, utp });
    this.handshake(peer, pex ? { ut_pex: 1 } : {});
    return peer;
  }

  handshake(peer: number, ids: Record<string, number>, fields: { listenPort?: number } = {}): void {
    const handshake = { type: "extensionHandshake", ids: new Map(Object.entries(ids)), ...fields } as const;
    this.tell({ type: "handshake", peer, handshake });
  }

  message(peer: number, added: readonly PeerAddress[], dropped: readonly PeerAddress[] = []) {
    const message = { type: "pex", added: added.map((address) => ({ address, flags: 0 })), dropped } as const;
    return this.tell({ type: "message", peer, message });
  }

  /** Lets time pass; every tick comes when it is due. */
  wait(ms: number): void {
    const end = this.now + ms;
    for (let at = this.exchange.deadline(); at !== undefined && at <= end; at = this.exchange.deadline()) {
      assert(at >= this.now, "a deadline in the past");
      this.now = at;
      this.tell({ type: "tick" });
      assert((this.exchange.deadline() ?? Infinity) > at, "a deadline that a tick does not move");
    }
    this.now = end;
  }

  to(peer: number): Sent[] {
    return this.sent.filter((sent) => sent.peer === peer);
  }
}

function hostOf(n: number): string {
  return `50.${n >> 8 & 255}.${n & 255}.1`;
}

function at(host: string, port = 6881): PeerAddress {
  return { host, port };
}

function addedIn(messages: readonly Sent[]): string[] {
  return messages.flatMap(({ message }) => message.added.map(({ address }) => formatPeerAddress(address)));
}

function candidatesIn(effects: readonly PexEffect[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === "candidates" ? effect.addresses.map(formatPeerAddress) : []
  );
}

Deno.test("PexExchange tells a peer of the others soon after its handshake, in one message", () => {
  const world = new World();
  const a = world.connect({ pex: false }), b = world.connect();
  world.wait(GATHER - 1);
  assertEquals(world.sent, []);
  world.connect({ pex: false });
  world.wait(1);
  assertEquals(world.to(b).map(({ at }) => at), [GATHER]);
  assertEquals(addedIn(world.to(b)), [`${hostOf(1)}:6881`, `${hostOf(3)}:6881`]);
  assertEquals(world.to(a), []);
});

Deno.test("PexExchange tells those together who are due within a second, and none within a minute of the last time", () => {
  const world = new World();
  for (const ms of [0, 400, 400, 400]) {
    world.wait(ms);
    world.connect();
  }
  world.wait(3 * MINUTE);
  world.connect();
  world.wait(GATHER);
  const times = [1, 2, 3, 4].map((peer) =>
    world.sent.filter((sent) => sent.peer === peer).map(({ at }) => at)
  );
  assertEquals(times[1], times[0]);
  assertEquals(times[2], times[0]);
  assertEquals(times[3]![0], times[0]![0]! + 1200);
  for (const [first, second] of times) assert(second! - first! > MINUTE, `${first}, ${second}`);
});

Deno.test("PexExchange has no deadline while everybody knows everything", () => {
  const world = new World();
  world.connect();
  world.connect();
  assert(world.exchange.deadline() !== undefined);
  world.wait(10 * MINUTE);
  assertEquals(world.exchange.deadline(), undefined);
  assertEquals(world.sent.length, 2);
});

Deno.test("PexExchange never tells where an incoming connection comes from, only where its peer listens", () => {
  const world = new World();
  const listener = world.connect();
  const silent = world.connect({ direction: "incoming", port: 50_001 });
  const known = world.connect({ direction: "incoming", port: 50_002 });
  world.handshake(known, {}, { listenPort: 7000 });
  world.wait(MINUTE);
  assertEquals(addedIn(world.to(listener)), [`${hostOf(known)}:7000`]);
  world.handshake(silent, {}, { listenPort: 8000 });
  world.wait(2 * MINUTE);
  assertEquals(addedIn(world.to(listener)).at(-1), `${hostOf(silent)}:8000`);
});

Deno.test("PexExchange keeps the address that we dialled, whatever the peer says of its port", () => {
  const world = new World();
  const listener = world.connect(), dialled = world.connect({ port: 1000 });
  world.handshake(dialled, {}, { listenPort: 7000 });
  world.wait(MINUTE);
  assertEquals(addedIn(world.to(listener)), [`${hostOf(dialled)}:1000`]);
});

Deno.test("PexExchange drops the old port and adds the new one when a peer changes it", () => {
  const world = new World();
  const listener = world.connect(), peer = world.connect({ direction: "incoming", port: 50_001 });
  world.handshake(peer, {}, { listenPort: 7000 });
  world.wait(MINUTE);
  world.handshake(peer, {}, { listenPort: 7001 });
  world.wait(2 * MINUTE);
  const { added, dropped } = world.to(listener).at(-1)!.message;
  assertEquals(added.map(({ address }) => address), [at(hostOf(peer), 7001)]);
  assertEquals(dropped, [at(hostOf(peer), 7000)]);
});

Deno.test("PexExchange never tells a peer of itself", () => {
  const world = new World();
  const a = world.connect(), b = world.connect({ direction: "incoming", port: 50_001 });
  world.handshake(b, {}, { listenPort: 7000 });
  world.wait(10 * MINUTE);
  assertEquals(addedIn(world.to(a)), [`${hostOf(b)}:7000`]);
  assertEquals(addedIn(world.to(b)), [`${hostOf(a)}:6881`]);
});

Deno.test("PexExchange says in flags what it knows of a peer", () => {
  const world = new World();
  const listener = world.connect();
  const peers = [
    world.connect({ pex: false }),
    world.connect({ pex: false, utp: true }),
    world.connect({ pex: false, direction: "incoming" }),
    world.connect({ pex: false }),
  ];
  const handshake = { type: "extensionHandshake", listenPort: 6881 } as const;
  world.tell({ type: "handshake", peer: peers[2]!, handshake });
  world.tell({
    type: "handshake",
    peer: peers[3]!,
    handshake: {
      ...handshake,
      ids: new Map([["ut_holepunch", 4]]),
      prefersEncryption: true,
      uploadOnly: true,
    },
  });
  world.wait(MINUTE);
  const flags = world.to(listener)[0]!.message.added.map(({ flags }) => flags);
  assertEquals(flags, [
    PEX_FLAGS.reachable,
    PEX_FLAGS.reachable | PEX_FLAGS.utp,
    0,
    PEX_FLAGS.reachable | PEX_FLAGS.prefersEncryption | PEX_FLAGS.uploadOnly | PEX_FLAGS.holepunch,
  ]);
});

Deno.test("PexExchange heeds a later upload_only", () => {
  const world = new World();
  const listener = world.connect(), peer = world.connect({ pex: false });
  world.tell({ type: "uploadOnly", peer, uploadOnly: true });
  world.wait(MINUTE);
  assertEquals(world.to(listener)[0]!.message.added[0]!.flags, PEX_FLAGS.reachable | PEX_FLAGS.uploadOnly);
});

Deno.test("PexExchange stops telling a peer that switches ut_pex off", () => {
  const world = new World();
  const listener = world.connect();
  world.connect({ pex: false });
  world.handshake(listener, { ut_pex: 0 });
  world.wait(10 * MINUTE);
  assertEquals(world.sent, []);
});

Deno.test("PexExchange leaves out who came and went between two messages, and who went and came back", () => {
  const world = new World();
  const listener = world.connect(), stays = world.connect({ pex: false });
  world.wait(MINUTE);
  world.tell({ type: "peerClosed", peer: world.connect({ pex: false }) });
  world.tell({ type: "peerClosed", peer: stays });
  world.connect({ pex: false, host: hostOf(stays) });
  world.wait(10 * MINUTE);
  assertEquals(world.to(listener).length, 1);
});

Deno.test("PexExchange adds and drops at most 50 a message, one message a minute", () => {
  const world = new World();
  const listener = world.connect();
  const others = Array.from(
    { length: 180 },
    (_, i) => world.connect({ pex: false, ...(i % 3 === 0 && { host: `2001:db8::${i + 1}` }) }),
  );
  world.wait(10 * MINUTE);
  assertEquals(world.to(listener).map(({ message }) => message.added.length), [50, 50, 50, 30]);
  for (const peer of others) world.tell({ type: "peerClosed", peer });
  const before = world.sent.length;
  world.wait(10 * MINUTE);
  assertEquals(world.to(listener).slice(before).map(({ message }) => message.dropped.length), [
    50,
    50,
    50,
    30,
  ]);
  const times = world.to(listener).map(({ at }) => at);
  assert(times.every((at, i) => i === 0 || at - times[i - 1]! >= PERIOD));
});

Deno.test("PexExchange never sends two messages within a minute, however often peers come", () => {
  const world = new World();
  const listeners = [world.connect(), world.connect()];
  for (let second = 0; second < 600; second++) {
    const peer = world.connect({ pex: false });
    world.wait(1000);
    if (second % 2 === 0) world.tell({ type: "peerClosed", peer });
  }
  for (const listener of listeners) {
    const times = world.to(listener).map(({ at }) => at);
    assert(times.length >= 9);
    assert(times.every((at, i) => i === 0 || at - times[i - 1]! >= MINUTE));
  }
});

Deno.test("PexExchange: what a peer was told becomes what is so, within the limits, whatever happens", () => {
  const address = fc.record({
    host: fc.constantFrom("1.2.3.4", "5.6.7.8", "2001:db8::1", "10.0.0.1", "127.0.0.1", "9.9.9.9"),
    port: fc.integer({ min: 1, max: 3 }),
  });
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("connect" as const), address, outgoing: fc.boolean() }),
    },
    fc.record({ do: fc.constant("port" as const), which: fc.nat(9), port: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      do: fc.constant("close" as const),
      which: fc.nat(9),
      reason: fc.constantFrom(undefined, "idle"),
    }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat(100_000) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const world = new World();
    const listener = world.connect({ host: "8.8.8.8" });
    /** Connected peers and where they listen. */
    const live = new Map<number, { host: string; port: number | undefined; outgoing: boolean }>();
    const nth = (which: number) => [...live.keys()][which % Math.max(1, live.size)];
    for (const step of steps) {
      if (step.do === "wait") world.wait(step.ms);
      else if (step.do === "connect") {
        const { address: { host, port }, outgoing } = step;
        const peer = world.connect({ host, port, direction: outgoing ? "outgoing" : "incoming", pex: false });
        live.set(peer, { host, port: outgoing ? port : undefined, outgoing });
      } else {
        const peer = nth(step.which);
        if (peer === undefined) continue;
        if (step.do === "close") {
          world.tell({ type: "peerClosed", peer, ...(step.reason && { reason: step.reason }) });
          live.delete(peer);
        } else {
          world.handshake(peer, {}, { listenPort: step.port });
          const known = live.get(peer)!;
          if (!known.outgoing) known.port = step.port;
        }
      }
    }
    world.wait(10 * PERIOD);
    const believed = new Set<string>();
    let lastAt = -Infinity;
    for (const { at, message: { added, dropped } } of world.to(listener)) {
      assert(at - lastAt >= MINUTE && added.length <= 50 && dropped.length <= 50);
      assert(added.length + dropped.length > 0);
      lastAt = at;
      for (const address of dropped) assert(believed.delete(formatPeerAddress(address)));
      const gone = new Set(dropped.map(formatPeerAddress));
      for (const { address } of added) {
        const key = formatPeerAddress(address);
        assert(!believed.has(key) && !gone.has(key));
        believed.add(key);
      }
    }
    const tellable = [...live.values()].filter(({ host, port }) =>
      port !== undefined && !/^(10|127)\./.test(host)
    );
    assertEquals(believed, new Set(tellable.map(({ host, port }) => formatPeerAddress(at(host, port)))));
  }));
});

Deno.test("PexExchange fills few connections up with recent ones, and drops those in the next message", () => {
  const world = new World();
  const gone = [world.connect({ pex: false }), world.connect({ pex: false, host: "2001:db8::9" })];
  for (const peer of gone) world.tell({ type: "peerClosed", peer, reason: "both complete" });
  world.tell({ type: "peerClosed", peer: world.connect({ pex: false }), reason: "banned" });
  world.tell({ type: "peerClosed", peer: world.connect({ pex: false }) });
  const listener = world.connect();
  world.wait(10 * MINUTE);
  const [first, second, ...rest] = world.to(listener);
  assertEquals(addedIn([first!]), [`${hostOf(1)}:6881`, "[2001:db8::9]:6881"]);
  assertEquals(second!.message, { type: "pex", added: [], dropped: [at(hostOf(1)), at("2001:db8::9")] });
  assertEquals(rest, []);
});

Deno.test("PexExchange tells nobody of recent connections while it has 25 of their family", () => {
  const world = new World();
  for (const host of ["50.0.0.1", "2001:db8::9"]) {
    world.tell({ type: "peerClosed", peer: world.connect({ pex: false, host }), reason: "too many peers" });
  }
  for (let i = 0; i < 24; i++) world.connect({ pex: false });
  const listener = world.connect();
  world.wait(GATHER);
  const added = addedIn(world.to(listener));
  assertEquals([added.includes("50.0.0.1:6881"), added.includes("[2001:db8::9]:6881")], [false, true]);
  assertEquals(added.length, 25);
});

Deno.test("PexExchange remembers the 25 latest recent connections of a family, each once", () => {
  const world = new World();
  for (let i = 0; i < 40; i++) {
    const host = hostOf(1000 + i % 30);
    world.tell({ type: "peerClosed", peer: world.connect({ pex: false, host }), reason: "idle" });
  }
  const listener = world.connect();
  world.wait(GATHER);
  const added = addedIn(world.to(listener));
  const latest = Array.from({ length: 25 }, (_, i) => `${hostOf(1000 + (i + 15) % 30)}:6881`);
  assertEquals(added.toSorted(), latest.toSorted());
});

Deno.test("PexExchange hands on what a peer says it is connected to", () => {
  const world = new World(), peer = world.connect();
  const effects = world.message(peer, [at("1.2.3.4", 5), at("2001:db8::1", 6)]);
  assertEquals(effects, [{ type: "candidates", peer, addresses: [at("1.2.3.4", 5), at("2001:db8::1", 6)] }]);
  assertEquals(world.message(peer, [at("1.2.3.4", 5)]), []);
  assertEquals(world.message(99, [at("5.6.7.8")]), []);
});

Deno.test("PexExchange works for a peer that sends without listing ut_pex", () => {
  const world = new World(), peer = world.connect({ pex: false });
  assertEquals(candidatesIn(world.message(peer, [at("1.2.3.4")])), ["1.2.3.4:6881"]);
});

/** Addresses of every kind, from near to far. */
const PLACES = {
  loopback: "127.0.0.5",
  private: "192.168.1.5",
  linkLocal: "169.254.3.4",
  private6: "fd00::5",
  linkLocal6: "fe80::5",
  global: "1.2.3.4",
  global6: "2001:db8::5",
  multicast: "239.1.2.3",
  reserved: "240.0.0.1",
  unspecified: "0.0.0.0",
} as const;

for (
  const [witness, named] of [
    ["99.1.1.1", ["global", "global6"]],
    ["10.9.9.9", ["private", "linkLocal", "private6", "global", "global6"]],
    ["127.0.0.1", ["loopback", "private", "linkLocal", "private6", "global", "global6"]],
    ["fe80::9", ["private", "linkLocal", "private6", "global", "global6"]],
  ] as const
) {
  Deno.test(`PexExchange hears from ${witness} of ${named.join(", ")}, and tells it of no others`, () => {
    const hearing = new World(), source = hearing.connect({ host: witness });
    const heard = candidatesIn(hearing.message(source, Object.values(PLACES).map((host) => at(host))));
    const expected = named.map((place) => formatPeerAddress(at(PLACES[place])));
    assertEquals(heard.toSorted(), expected.toSorted());

    const telling = new World();
    for (const host of Object.values(PLACES)) telling.connect({ host, pex: false });
    const listener = telling.connect({ host: witness });
    telling.wait(MINUTE);
    assertEquals(addedIn(telling.to(listener)).toSorted(), expected.toSorted());
  });
}

Deno.test("PexExchange ignores port 0 and our own addresses of either family", () => {
  const world = new World(), peer = world.connect();
  world.tell({ type: "ourAddress", address: at("1.1.1.1", 7) });
  world.tell({ type: "ourAddress", address: at("2001:db8::7", 7) });
  const effects = world.message(peer, [at("1.2.3.4", 0), at("1.1.1.1", 7), at("2001:db8::7", 7)]);
  assertEquals(effects, []);
});

Deno.test("PexExchange takes one port of a host in the internet, and every port in our own networks", () => {
  const world = new World(), outside = world.connect(), inside = world.connect({ host: "10.0.0.9" });
  const ports = (host: string) => [1, 2, 3].map((port) => at(host, port));
  assertEquals(candidatesIn(world.message(outside, ports("1.2.3.4"))), ["1.2.3.4:1"]);
  assertEquals(candidatesIn(world.message(inside, ports("10.0.0.5"))).length, 3);
});

Deno.test("PexExchange takes 200 claims at first, then 50 a message, and never more than 200 of one peer", () => {
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => at(hostOf(5000 + from + i)));
  const world = new World(), a = world.connect(), b = world.connect();
  assertEquals(candidatesIn(world.message(a, many(0, 250))).length, 200);
  assertEquals(world.message(a, many(300, 10)), []);
  world.wait(MINUTE);
  assertEquals(candidatesIn(world.message(a, many(300, 80), many(0, 100))).length, 50);
  world.message(b, []);
  assertEquals(candidatesIn(world.message(b, many(0, 250))).length, 50);
});

Deno.test("PexExchange closes a peer that sends six messages within a minute, not one that sends one a minute", () => {
  const world = new World(), eager = world.connect(), calm = world.connect();
  for (let i = 0; i < 5; i++) assertEquals(world.message(eager, []), []);
  world.wait(MINUTE - 1);
  assertEquals(world.message(eager, []), [{ type: "close", peer: eager, reason: "peer exchange flood" }]);
  assertEquals(world.message(eager, [at("1.2.3.4")]), []);
  for (let i = 0; i < 300; i++) {
    assertEquals(world.message(calm, []), []);
    world.wait(MINUTE);
  }
});

Deno.test("PexExchange names the peers that can bring us together with an address", () => {
  const world = new World();
  const [able, unable, ignorant] = [world.connect(), world.connect(), world.connect()];
  for (const peer of [able, ignorant]) world.handshake(peer, { ut_holepunch: 3 });
  const claim = { address: at("1.2.3.4", 7), flags: PEX_FLAGS.holepunch };
  for (const peer of [able, unable]) {
    world.tell({ type: "message", peer, message: { type: "pex", added: [claim], dropped: [] } });
  }
  world.message(ignorant, [claim.address]);
  assertEquals(world.exchange.relaysTo(claim.address), [able]);
  assertEquals(world.exchange.relaysTo(at("1.2.3.4", 8)), []);
  world.message(able, [], [claim.address]);
  assertEquals(world.exchange.relaysTo(claim.address), []);
});

Deno.test("PexExchange.peers() describes connections to a relay", () => {
  const world = new World();
  const a = world.connect({ utp: true }), b = world.connect({ direction: "incoming", port: 50_000 });
  world.handshake(b, { ut_holepunch: 3 }, { listenPort: 7000 });
  assertEquals(world.exchange.peers(), [
    { peer: a, address: at(hostOf(a)), listenAddress: at(hostOf(a)), utp: true, holepunch: false },
    {
      peer: b,
      address: at(hostOf(b), 50_000),
      listenAddress: at(hostOf(b), 7000),
      utp: false,
      holepunch: true,
    },
  ]);
});

Deno.test("PexExchange sends only what can be encoded, and survives whatever decodes", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (lists) => {
    const world = new World(), peer = world.connect({ host: "127.0.0.1" }), other = world.connect();
    for (const bytes of lists) {
      const text = `d5:added${bytes.length}:`;
      const packet = Uint8Array.from([...new TextEncoder().encode(text), ...bytes, 0x65]);
      try {
        world.tell({ type: "message", peer, message: decodePex(packet) });
      } catch (error) {
        assert(error instanceof DecodeError);
      }
    }
    world.wait(MINUTE);
    for (const { message } of world.to(other)) assertEquals(decodePex(encodePex(message)), message);
  }));
});
