import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { StateError } from "../../src/errors.ts";
import { peerPriority } from "../../src/peer/priority.ts";
import { closedIn, Machine, OUR_ID, sentIn } from "./machine.ts";

function firstMessages(have: readonly number[] | "all", fast: boolean): string[] {
  const { effects } = new Machine({ have }).connectWith({ fast });
  return effects.map((effect) => effect.type === "send" ? effect.message.type : effect.type);
}

Deno.test("peerConnected says first what we have, in the shortest form the peer understands", () => {
  assertEquals(firstMessages("all", true), ["haveAll"]);
  assertEquals(firstMessages("all", false), ["bitfield"]);
  assertEquals(firstMessages([], true), ["haveNone"]);
  assertEquals(firstMessages([], false), ["keepAlive"], "rTorrent is silent until it hears from us");
  assertEquals(firstMessages([3], true), ["bitfield"]);
});

Deno.test("Torrent says interested only after the peer has shown what we want", () => {
  const machine = new Machine({ have: [0] });
  const { peer, effects } = machine.connectWith({ fast: false });
  assertEquals(sentIn(effects, "interested"), []);
  assertEquals(sentIn(machine.message(peer, { type: "have", piece: 0 }), "interested"), []);
  assertEquals(sentIn(machine.message(peer, { type: "have", piece: 1 }), "interested").length, 1);
  assertEquals(sentIn(machine.message(peer, { type: "have", piece: 2 }), "interested"), []);
});

Deno.test("peerConnected refuses ourselves, and never dials that address again", () => {
  const machine = new Machine();
  const address = { host: "10.0.0.7", port: 1 };
  machine.input({ type: "candidates", source: "tracker", addresses: [address] });
  const effects = machine.input({
    type: "peerConnected",
    peer: 1,
    address,
    direction: "outgoing",
    peerId: OUR_ID,
    fast: true,
    extended: true,
    allowedFast: [],
  });
  assertEquals(closedIn(effects), ["connected to itself"]);
  assertEquals(machine.wait(10 * 3_600_000), []);
});

// Our id is 0x80 repeated: greater than 5, less than 200.
for (
  const { id, first, second, stays } of [
    { id: 5, first: "incoming", second: "outgoing", stays: "second" },
    { id: 5, first: "outgoing", second: "incoming", stays: "first" },
    { id: 200, first: "outgoing", second: "incoming", stays: "second" },
    { id: 200, first: "incoming", second: "outgoing", stays: "first" },
    { id: 5, first: "incoming", second: "incoming", stays: "first" },
  ] as const
) {
  Deno.test(`Torrent keeps the ${stays} of ${first} and ${second} connections to peer id ${id}`, () => {
    const machine = new Machine();
    const a = machine.connect({ id, direction: first });
    const { peer: b, effects } = machine.connectWith({ id, direction: second });
    assertEquals(closedIn(effects), ["duplicate connection"]);
    assertEquals([machine.isConnected(a), machine.isConnected(b)], [stays === "first", stays === "second"]);
  });
}

Deno.test("peerConnected throws on a key that is in use", () => {
  const machine = new Machine();
  const peer = machine.connect();
  assertThrows(
    () =>
      machine.input({
        type: "peerConnected",
        peer,
        address: { host: "1.1.1.1", port: 1 },
        direction: "incoming",
        peerId: new Uint8Array(20),
        fast: true,
        extended: true,
        allowedFast: [],
      }),
    StateError,
    "Cannot add peer 1: there is a connection with this key",
  );
});

Deno.test("peerConnected closes what is too much, unless it ranks higher than an idle connection", () => {
  const machine = new Machine({ limits: { maxPeers: 2 } });
  machine.connect({ host: "98.1.54.32" });
  machine.connect({ host: "98.2.54.32" });
  assertEquals(closedIn(machine.connectWith({ host: "98.3.54.32" }).effects), ["too many peers"]);
  machine.input({ type: "ourAddress", address: { host: "123.213.32.10", port: 1 } });
  // By BEP 40 one of many addresses ranks above the lowest of the two, and then nobody below the rest comes in.
  const outcomes = Array.from({ length: 20 }, (_, i) => machine.connectWith({ host: `98.${i + 10}.54.32` }));
  assert(outcomes.some(({ peer }) => machine.isConnected(peer)));
  assertEquals(machine.state.peers.size, 2);
  for (const { effects } of outcomes) assertEquals(closedIn(effects), ["too many peers"]);
});

/** Hosts of 98.0.0.0/8 by their priority with 123.213.32.10, rising (BEP 40). */
function hostsByPriority(): string[] {
  const ours = { host: "123.213.32.10", port: 6881 };
  const hosts = Array.from({ length: 9 }, (_, i) => `98.${i}.54.32`);
  const priorityOf = (host: string) => peerPriority(ours, { host, port: 6881 });
  return hosts.toSorted((a, b) => priorityOf(a) - priorityOf(b));
}

Deno.test("peerConnected closes of the idle connections the one of lowest priority, in favour of a higher one only", () => {
  const hosts = hostsByPriority();
  const machine = new Machine({ limits: { maxPeers: 3 } });
  machine.input({ type: "ourAddress", address: { host: "123.213.32.10", port: 6881 } });
  const [middle, low, high] = [hosts[4]!, hosts[1]!, hosts[7]!].map((host) => machine.connect({ host }));
  assertEquals(closedIn(machine.connectWith({ host: hosts[0]! }).effects), ["too many peers"]);
  assertEquals(closedIn(machine.connectWith({ host: hosts[5]! }).effects), ["too many peers"]);
  assertEquals([low, middle, high].map((peer) => machine.isConnected(peer!)), [false, true, true]);
});

Deno.test("peerConnected never closes a connection of lower priority that is being used", () => {
  const hosts = hostsByPriority();
  const machine = new Machine({ limits: { maxPeers: 1 }, have: "all" });
  machine.input({ type: "ourAddress", address: { host: "123.213.32.10", port: 6881 } });
  const served = machine.connect({ host: hosts[0]! });
  machine.message(served, { type: "interested" });
  assertEquals(closedIn(machine.connectWith({ host: hosts[8]! }).effects), ["too many peers"]);
  assert(machine.isConnected(served));
});

Deno.test("peerConnected compares peers that we share an address with by the ports they listen on", () => {
  const ours = { host: "123.213.32.10", port: 300 };
  const machine = new Machine({ limits: { maxPeers: 1 } });
  machine.input({ type: "ourAddress", address: ours });
  // Whatever the port of the connection, what counts is the one that the peer says it listens on.
  const peer = machine.connect({ host: ours.host, port: 50000, direction: "incoming" });
  machine.input({ type: "peerCapabilities", peer, listenPort: 1234 });
  const priority = peerPriority(ours, { host: ours.host, port: 1234 });
  const ports = Array.from({ length: 100 }, (_, i) => 2000 + i);
  const lower = ports.filter((port) => peerPriority(ours, { host: ours.host, port }) < priority);
  const higher = ports.find((port) => peerPriority(ours, { host: ours.host, port }) > priority)!;
  for (const port of lower) machine.connect({ host: ours.host, port });
  assert(lower.length > 0 && machine.isConnected(peer));
  machine.connect({ host: ours.host, port: higher });
  assert(!machine.isConnected(peer));
});

Deno.test("Torrent tells a starting fast peer what it may ask for while choked, of what we have", () => {
  const machine = new Machine({ have: [1, 2, 3, 4] });
  const starting = machine.connect({ allowedFast: [1, 2, 7] });
  const told = machine.message(starting, { type: "haveNone" });
  assertEquals(sentIn(told, "allowedFast").map(({ piece }) => piece), [1, 2]);
  const advanced = machine.connect({ allowedFast: [1, 2, 7] });
  const bits = Bitfield.full(8);
  bits.clear(7);
  assertEquals(
    sentIn(machine.message(advanced, { type: "bitfield", bits: bits.toBytes() }), "allowedFast"),
    [],
  );
  const slow = machine.connect({ allowedFast: [1, 2, 7], fast: false });
  assertEquals(sentIn(machine.message(slow, { type: "have", piece: 0 }), "allowedFast"), []);
});

Deno.test("Torrent closes a connection when neither side wants anything any more", () => {
  const machine = new Machine({ have: "all" });
  const seed = machine.connect();
  assertEquals(closedIn(machine.message(seed, { type: "haveAll" })), ["both complete"]);
  const partial = machine.connect();
  machine.message(partial, { type: "haveNone" });
  const effects = machine.input({ type: "peerCapabilities", peer: partial, uploadOnly: true });
  assertEquals(closedIn(effects), ["both complete"]);
  const late = machine.connect();
  machine.message(late, { type: "haveNone" });
  for (let piece = 0; piece < 7; piece++) machine.message(late, { type: "have", piece });
  assertEquals(closedIn(machine.message(late, { type: "have", piece: 7 })), ["both complete"]);
});

Deno.test("peerCapabilities bounds the pipeline by what the peer queues", () => {
  const machine = new Machine();
  const peer = machine.connect();
  machine.input({ type: "peerCapabilities", peer, requestQueue: 3 });
  machine.message(peer, { type: "haveAll" });
  assertEquals(sentIn(machine.message(peer, { type: "unchoke" }), "request").length, 3);
});

Deno.test("peerCapabilities makes an incoming peer known, so that it is not dialled while connected, but after", () => {
  const machine = new Machine();
  const peer = machine.connect({ direction: "incoming", host: "10.0.0.9", port: 50000 });
  const address = { host: "10.0.0.9", port: 6881 };
  machine.input({ type: "peerCapabilities", peer, listenPort: 6881 });
  const dials = machine.input({ type: "candidates", source: "tracker", addresses: [address] });
  assertEquals(dials, []);
  machine.input({ type: "peerClosed", peer });
  assertEquals(machine.wait(5 * 60_000), [{ type: "dial", address }]);
});

Deno.test("peerDontHave voids requests without the fast extension, and waits for rejects with it", () => {
  for (const fast of [false, true]) {
    const machine = new Machine();
    const peer = machine.connectSeed({ fast, depth: 2 });
    const [request] = sentIn(machine.message(peer, { type: "unchoke" }), "request");
    const effects = machine.input({ type: "peerDontHave", peer, piece: request!.piece });
    assertEquals(sentIn(effects, "cancel"), []);
    const asked = sentIn(effects, "request");
    assertEquals(asked.length, fast ? 0 : 2);
    assert(asked.every(({ piece }) => piece !== request!.piece));
    assertEquals(machine.peer(peer).content.have.count, 7);
  }
});

Deno.test("peerDontHave of a piece that is none closes the connection", () => {
  const machine = new Machine();
  const peer = machine.connectSeed();
  assertEquals(closedIn(machine.input({ type: "peerDontHave", peer, piece: 8 })), ["invalid message"]);
});

Deno.test("Torrent bans a host that breaks the rules for the third time", () => {
  const machine = new Machine();
  const outcomes = [1, 2, 3].map((id) => {
    const peer = machine.connect({ id, host: "10.9.9.9" });
    return machine.message(peer, { type: "have", piece: 99 });
  });
  assertEquals(outcomes.map(closedIn), [["invalid message"], ["invalid message"], ["invalid message"]]);
  assertEquals(outcomes[2]!.at(-1), { type: "ban", host: "10.9.9.9", reason: "broke the rules too often" });
  assertEquals(closedIn(machine.connectWith({ id: 4, host: "10.9.9.9" }).effects), ["banned"]);
});

Deno.test("Torrent dials within its limits and goes on when dials fail", () => {
  const machine = new Machine({ limits: { maxHalfOpen: 2, maxPeers: 3 } });
  const addresses = Array.from({ length: 6 }, (_, i) => ({ host: `10.1.0.${i}`, port: 1 }));
  const first = machine.input({ type: "candidates", source: "tracker", addresses });
  assertEquals(first.length, 2);
  assert(first[0]?.type === "dial");
  assertEquals(machine.input({ type: "dialFailed", address: first[0].address }).length, 1);
  for (let i = 0; i < 3; i++) machine.connect({ direction: "incoming" });
  assert(first[1]?.type === "dial");
  assertEquals(machine.input({ type: "dialFailed", address: first[1].address }), []);
});

Deno.test("Torrent dials no more than four of five places", () => {
  const machine = new Machine({ limits: { maxHalfOpen: 100, maxPeers: 10 } });
  const addresses = Array.from({ length: 20 }, (_, i) => ({ host: `10.1.0.${i}`, port: 1 }));
  assertEquals(machine.input({ type: "candidates", source: "tracker", addresses }).length, 8);
});

Deno.test("Torrent closes a connection that nobody has used for ten minutes when places are scarce", () => {
  const machine = new Machine({ limits: { maxPeers: 1 }, have: [0] });
  machine.connect();
  assertEquals(closedIn(machine.wait(590_000)), []);
  assertEquals(closedIn(machine.wait(20_000)), ["idle"]);
});

for (const closer of ["we close", "the peer closes"]) {
  Deno.test(`a seed is not dialled while both are complete, and at once when a piece is lost, however often (${closer})`, () => {
    const machine = new Machine({ have: "all" }), address = { host: "10.0.0.1", port: 6881 };
    const dials = machine.input({ type: "candidates", source: "tracker", addresses: [address] });
    assertEquals(dials, [{ type: "dial", address }]);
    for (let round = 0; round < 8; round++) {
      const weClose = closer === "we close";
      if (!weClose) machine.input({ type: "piecesLost", pieces: [2] }); // else we would be first
      const peer = machine.connect({ host: address.host });
      machine.message(peer, { type: "haveAll" });
      if (!weClose) {
        machine.state.ledger.gain(2);
        machine.state.ledger.settle(2);
        machine.input({ type: "peerClosed", peer });
      }
      assert(!machine.isConnected(peer));
      assertEquals(machine.wait(3_600_000).filter(({ type }) => type === "dial"), []);
      const effects = machine.input({ type: "piecesLost", pieces: [3] });
      assertEquals(
        effects.filter(({ type }) => type === "dial"),
        [{ type: "dial", address }],
        `round ${round}`,
      );
      machine.input({ type: "piecesFound", pieces: [3] });
    }
  });
}

for (const id of [5, 200]) {
  for (const first of ["incoming", "outgoing"] as const) {
    Deno.test(`a peer is not dialled while it is connected, whichever connection stays (id ${id}, first ${first})`, () => {
      const machine = new Machine(), host = "10.0.0.9";
      const connect = (direction: "incoming" | "outgoing") => {
        const peer = machine.connect({ id, direction, host, port: direction === "incoming" ? 50000 : 6881 });
        machine.input({ type: "peerCapabilities", peer, listenPort: 6881 });
      };
      machine.input({ type: "candidates", source: "tracker", addresses: [{ host, port: 6881 }] });
      connect(first);
      connect(first === "incoming" ? "outgoing" : "incoming");
      assertEquals(machine.state.peers.size, 1);
      assertEquals(machine.wait(600_000).filter(({ type }) => type === "dial"), []);
    });
  }
}
