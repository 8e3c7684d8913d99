import { assert, assertEquals } from "@std/assert";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { uniformGeometry } from "../../src/torrent/options.ts";
import { BLOCK, checkInvariants, closedIn, Machine, sentIn } from "./machine.ts";

const FAST_MESSAGES: readonly PeerMessage[] = [
  { type: "haveAll" },
  { type: "haveNone" },
  { type: "suggest", piece: 1 },
  { type: "allowedFast", piece: 1 },
  { type: "reject", piece: 0, begin: 0, length: 16384 },
];

for (const message of FAST_MESSAGES) {
  Deno.test(`${message.type} without the fast extension closes the connection`, () => {
    const machine = new Machine();
    assertEquals(closedIn(machine.message(machine.connect({ fast: false }), message)), ["invalid message"]);
  });
}

const WRONG: readonly PeerMessage[] = [
  { type: "have", piece: 8 },
  { type: "suggest", piece: 8 },
  { type: "allowedFast", piece: 0xffffffff },
  { type: "bitfield", bits: new Uint8Array(2) },
  { type: "bitfield", bits: new Uint8Array(0) },
];

for (const message of WRONG) {
  Deno.test(`${message.type} beyond the pieces closes the connection (${JSON.stringify(message)})`, () => {
    const machine = new Machine();
    const peer = machine.connect();
    assertEquals(closedIn(machine.message(peer, message)), ["invalid message"]);
    assertEquals(machine.message(peer, message), []);
    checkInvariants(machine);
  });
}

const ANNOUNCEMENTS: readonly PeerMessage[] = [
  { type: "haveAll" },
  { type: "haveNone" },
  { type: "bitfield", bits: new Uint8Array(1) },
];

for (const first of [...ANNOUNCEMENTS, { type: "have", piece: 1 } as const]) {
  Deno.test(`haveNone after ${first.type} closes the connection`, () => {
    const machine = new Machine();
    const peer = machine.connect();
    assertEquals(closedIn(machine.message(peer, first)), []);
    assertEquals(closedIn(machine.message(peer, { type: "haveNone" })), ["invalid message"]);
    checkInvariants(machine);
  });

  Deno.test(`haveAll after ${first.type} stands for haves, as aria2 means it`, () => {
    const machine = new Machine(), peer = machine.connect();
    machine.message(peer, first);
    const before = machine.state.availability.of(5), had = first.type === "haveAll";
    assertEquals(closedIn(machine.message(peer, { type: "haveAll" })), []);
    assertEquals(machine.state.availability.of(5), before + (had ? 0 : 1));
    assertEquals(machine.message(peer, { type: "haveAll" }), []);
    checkInvariants(machine);
  });
}

Deno.test("haveAll is believed once: a peer that takes pieces back has a `have` for each", () => {
  const machine = new Machine(), peer = machine.connect();
  machine.message(peer, { type: "haveNone" });
  machine.message(peer, { type: "haveAll" });
  machine.input({ type: "peerDontHave", peer, piece: 5 });
  assertEquals(closedIn(machine.message(peer, { type: "haveAll" })), ["invalid message"]);
});

for (const first of [...ANNOUNCEMENTS, { type: "have", piece: 1 } as const]) {
  Deno.test(`bitfield after ${first.type} stands for haves, as aria2 means it`, () => {
    const machine = new Machine(), peer = machine.connect();
    machine.message(peer, first);
    const before = machine.state.availability.of(5), had = first.type === "haveAll";
    assertEquals(closedIn(machine.message(peer, { type: "bitfield", bits: Uint8Array.of(0b100) })), []);
    assertEquals(machine.state.availability.of(5), before + (had ? 0 : 1));
    assertEquals(closedIn(machine.message(peer, { type: "bitfield", bits: Uint8Array.of(0) })), []);
    assertEquals(machine.state.availability.of(5), before + (had ? 0 : 1));
    checkInvariants(machine);
  });
}

Deno.test("bitfield with a spare bit closes the connection", () => {
  const machine = new Machine({ geometry: { pieceCount: 3, pieceLength: 16384, pieceSize: () => 16384 } });
  const bits = Bitfield.full(3).toBytes();
  bits[0]! |= 1;
  assertEquals(closedIn(machine.message(machine.connect(), { type: "bitfield", bits })), ["invalid message"]);
});

Deno.test("messages for other machines change nothing", () => {
  const machine = new Machine();
  const peer = machine.connect();
  const range = { piecesRoot: new Uint8Array(32), baseLayer: 0, index: 0, length: 2, proofLayers: 0 };
  const elsewhere: readonly PeerMessage[] = [
    { type: "keepAlive" },
    { type: "port", port: 6881 },
    { type: "extended", id: 0, payload: new Uint8Array(2) },
    { type: "hashRequest", ...range },
  ];
  for (const message of elsewhere) assertEquals(machine.message(peer, message), []);
});

Deno.test("messages of a peer that is gone change nothing", () => {
  const machine = new Machine();
  const peer = machine.connectSeed();
  machine.input({ type: "peerClosed", peer });
  assertEquals(machine.message(peer, { type: "unchoke" }), []);
  assertEquals(machine.input({ type: "peerClosed", peer }), []);
  assertEquals(
    machine.input({ type: "blocksSent", peer, ranges: [{ piece: 0, begin: 0, length: 16384 }] }),
    [],
  );
});

Deno.test("what a peer says is kept within bounds", () => {
  const machine = new Machine({ geometry: uniformGeometry(2000 * BLOCK, BLOCK) });
  const peer = machine.connect();
  for (let piece = 0; piece < 2000; piece++) {
    machine.message(peer, { type: "allowedFast", piece });
    machine.message(peer, { type: "suggest", piece });
  }
  const { down } = machine.peer(peer);
  assertEquals([down.allowedFast.size, down.suggested.length], [64, 8]);
  assertEquals(down.suggested.at(-1), 1999);
});

Deno.test("a peer that chokes and unchokes for ever owes no more answers than are remembered", () => {
  const machine = new Machine({ geometry: uniformGeometry(20_000 * BLOCK, BLOCK) });
  const peer = machine.connect({ fast: false });
  machine.message(peer, { type: "bitfield", bits: Bitfield.full(20_000).toBytes() });
  for (let i = 0; i < 2000; i++) {
    machine.now += 100;
    machine.message(peer, { type: "unchoke" });
    machine.message(peer, { type: "choke" });
  }
  const { late, requests } = machine.peer(peer).down;
  assert(late.size > 3000 && late.size <= 4000, `${late.size}`);
  assertEquals([requests.size, machine.buffers.lent], [0, 0]);
});

Deno.test("unchoke again and again does not pass for an answer to requests", () => {
  const machine = new Machine(), peer = machine.connectSeed();
  machine.message(peer, { type: "unchoke" });
  for (let i = 0; i < 6; i++) {
    machine.wait(11_000);
    machine.message(peer, { type: "unchoke" });
  }
  assert(machine.peer(peer).down.snubbedAt !== undefined);
});

Deno.test("notInterested again and again does not keep a connection that nobody uses", () => {
  const machine = new Machine({ limits: { maxPeers: 1 }, have: [0] }),
    peer = machine.connect(),
    closed: string[] = [];
  for (let i = 0; i < 5; i++) {
    closed.push(...closedIn(machine.wait(130_000)));
    machine.message(peer, { type: "notInterested" });
  }
  assertEquals(closed, ["idle"]);
});

Deno.test("choke that voids nothing gives nobody work", () => {
  const machine = new Machine(), peer = machine.connect({ fast: false }), { peers } = machine.state;
  let looked = 0;
  peers.all = () => {
    looked++;
    return peers.toArray();
  };
  for (const type of ["choke", "unchoke", "choke"] as const) machine.message(peer, { type });
  assertEquals(looked, 0);
});

Deno.test("a bitfield that says the same again and one piece more costs one piece", () => {
  const machine = new Machine({ geometry: uniformGeometry(1000 * BLOCK, BLOCK) }), peer = machine.connect();
  const bits = Bitfield.full(1000);
  bits.clear(500);
  machine.message(peer, { type: "bitfield", bits: bits.toBytes() });
  const { have } = machine.peer(peer).content, looked: number[] = [];
  have.set = (piece) => {
    looked.push(piece);
    return Bitfield.prototype.set.call(have, piece);
  };
  machine.message(peer, { type: "bitfield", bits: Bitfield.full(1000).toBytes() });
  assertEquals(looked, [500]);
  checkInvariants(machine);
});

Deno.test("allowedFast said again gives no work, nor does one while there is no memory", () => {
  const machine = new Machine({
    geometry: uniformGeometry(20 * BLOCK, BLOCK),
    limits: { maxOpenBytes: 4 * BLOCK },
  });
  const [seed, choking] = [machine.connectSeed({ depth: 10 }), machine.connectSeed()];
  machine.message(seed, { type: "unchoke" });
  let tried = 0;
  machine.state.downloads.open = () => {
    tried++;
    return undefined;
  };
  assert(machine.state.downloads.starved);
  for (let i = 0; i < 50; i++) machine.message(choking, { type: "allowedFast", piece: i % 20 });
  assertEquals([tried, machine.peer(choking).down.allowedFast.size], [0, 20]);
});

Deno.test("a peer that unchokes us right after it choked us is asked a little later", () => {
  for (const fast of [true, false]) {
    const machine = new Machine(), peer = machine.connectSeed({ fast }), asked: number[] = [];
    const say = (type: "choke" | "unchoke") =>
      asked.push(sentIn(machine.message(peer, { type }), "request").length);
    say("unchoke");
    for (let i = 0; i < 50; i++) {
      say("choke");
      if (fast) {
        for (const key of [...machine.peer(peer).down.requests.keys()]) {
          const piece = machine.state.downloads.pieceOf(key),
            begin = machine.state.downloads.blockOf(key) * BLOCK;
          machine.message(peer, { type: "reject", piece, begin, length: BLOCK });
        }
      }
      say("unchoke");
    }
    assertEquals(asked.reduce((sum, count) => sum + count, 0), asked[0]);
    assert(sentIn(machine.wait(5000), "request", peer).length > 0);
    say("choke");
    machine.wait(100);
    say("unchoke");
    assert(asked.at(-1)! > 0 || fast);
  }
});

Deno.test("messages in a row are heard one after the other, and what follows from them is done once", () => {
  const machine = new Machine(), peer = machine.connect();
  const effects = machine.messages(peer, { type: "haveAll" }, { type: "unchoke" }, { type: "interested" });
  assertEquals(
    effects.map((effect) => effect.type === "send" ? effect.message.type : effect.type).filter((
      type,
      i,
      all,
    ) => type !== all[i - 1]),
    ["interested", "request", "unchoke"],
  );
  checkInvariants(machine);
});

Deno.test("of messages in a row none is heard behind the one that ends the connection", () => {
  const machine = new Machine(), peer = machine.connect({ fast: false });
  const effects = machine.messages(peer, { type: "haveNone" }, { type: "have", piece: 8 }, {
    type: "interested",
  });
  assertEquals(effects, [{ type: "close", peer, reason: "invalid message" }]);
  assertEquals(machine.isConnected(peer), false);
});
