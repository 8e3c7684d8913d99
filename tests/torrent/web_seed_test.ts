import { assert, assertEquals } from "@std/assert";
import { uniformGeometry } from "../../src/torrent/options.ts";
import type { TorrentEffect } from "../../src/torrent/vocabulary.ts";
import { seededRandom } from "./swarm.ts";
import { BLOCK, checkInvariants, Machine, type MachineOptions, sentIn } from "./machine.ts";

type Effect<T extends TorrentEffect["type"]> = Extract<TorrentEffect, { type: T }>;
type Fetch = Effect<"webFetch">;

const effectsOf = <T extends TorrentEffect["type"]>(effects: readonly TorrentEffect[], type: T) =>
  effects.filter((effect): effect is Effect<T> => effect.type === type);

/** A machine that begins a download of eight pieces of four blocks. */
const machineOf = (options: MachineOptions = {}) =>
  new Machine({ random: () => 0, limits: { maxOpenBytes: 8 * 4 * BLOCK }, ...options });

const addSeed = (machine: Machine, seed = -1, onePiece = false): readonly TorrentEffect[] =>
  machine.input({ type: "webSeed", seed, url: `http://w${-seed}.example/`, onePiece });

const onlyFetch = (effects: readonly TorrentEffect[]): Fetch => {
  const fetches = effectsOf(effects, "webFetch");
  assertEquals(fetches.length, 1, "one fetch");
  return fetches[0]!;
};

const piecesOf = ({ ranges }: Fetch) => ranges.map(({ piece }) => piece);

const lengthsOf = ({ ranges }: Fetch) =>
  ranges.flatMap(({ length }) =>
    Array.from({ length: Math.ceil(length / BLOCK) }, (_, i) => Math.min(BLOCK, length - i * BLOCK))
  );

/** Delivers so many blocks of a fetch, all of them by default. */
function deliver(machine: Machine, { fetch, ...rest }: Fetch, from = 0, to?: number): TorrentEffect[] {
  const effects: TorrentEffect[] = [];
  for (const length of lengthsOf({ fetch, ...rest }).slice(from, to)) {
    effects.push(...machine.input({ type: "webBlock", fetch, block: new Uint8Array(length).fill(7) }));
    checkInvariants(machine);
  }
  return effects;
}

const end = (machine: Machine, { fetch }: Fetch, failed = false, retryAfterMs?: number) =>
  machine.input({
    type: "webEnded",
    fetch,
    failed,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

const stored = (machine: Machine, effects: readonly TorrentEffect[]): TorrentEffect[] =>
  effectsOf(effects, "store").flatMap(({ piece }) => [...machine.input({ type: "pieceStored", piece })]);

Deno.test("a web seed alone is asked for everything in one run, and completes the torrent", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  assertEquals(piecesOf(fetch), [0, 1, 2, 3]); // half of the memory that may be open
  checkInvariants(machine);
  machine.now += 100;
  const effects = deliver(machine, fetch);
  const next = onlyFetch(effects); // begun when the first was nearly done
  assertEquals(piecesOf(next), [4, 5, 6, 7].slice(0, piecesOf(next).length));
  stored(machine, effects);
  let after: readonly TorrentEffect[] = end(machine, fetch);
  let last = next;
  for (let i = 0; i < 8 && machine.state.ledger.have.count < 8; i++) {
    after = deliver(machine, last);
    const done = [...after, ...stored(machine, after), ...end(machine, last)];
    if (effectsOf(done, "completed").length > 0) break;
    last = onlyFetch(done);
  }
  assert(machine.state.ledger.have.isFull);
  assertEquals(machine.state.downloads.webSeeds.received, 8 * 4 * BLOCK);
  assertEquals(machine.state.totals.wasted, 0);
  checkInvariants(machine);
});

Deno.test("the first run of a swarm begins somewhere at random (BEP 19)", () => {
  const machine = machineOf({ random: () => 0.6 });
  assertEquals(piecesOf(onlyFetch(addSeed(machine)))[0], 4);
});

Deno.test("later runs begin at the widest gap", () => {
  const machine = machineOf({ have: [0, 1, 6] });
  assertEquals(piecesOf(onlyFetch(addSeed(machine))), [2, 3, 4, 5]);
});

Deno.test("a web seed of single pieces is asked for one at a time (BEP 17)", () => {
  const machine = machineOf();
  const first = onlyFetch(addSeed(machine, -1, true));
  assertEquals(piecesOf(first), [0]);
  const effects = deliver(machine, first);
  assertEquals(effectsOf(effects, "webFetch"), []);
  assertEquals(piecesOf(onlyFetch(end(machine, first))), [1]);
});

Deno.test("peers are not asked for what a web seed is asked for", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  const peer = machine.connectSeed();
  const requests = sentIn(machine.message(peer, { type: "unchoke" }), "request");
  assert(requests.length > 0);
  assert(requests.every(({ piece }) => !piecesOf(fetch).includes(piece)));
  checkInvariants(machine);
});

Deno.test("a web seed is not asked for what peers work on, as long as there is anything else", () => {
  const machine = machineOf();
  const peer = machine.connectSeed({ depth: 2 });
  const [request] = sentIn(machine.message(peer, { type: "unchoke" }), "request");
  assert(!piecesOf(onlyFetch(addSeed(machine))).includes(request!.piece));
});

Deno.test("near the end a web seed helps a slow peer out, and the peer's requests are cancelled", () => {
  const geometry = uniformGeometry(4 * BLOCK, 4 * BLOCK);
  const machine = machineOf({ geometry });
  const peer = machine.connectSeed();
  assertEquals(sentIn(machine.message(peer, { type: "unchoke" }), "request").length, 4);
  assertEquals(effectsOf(addSeed(machine), "webFetch"), []);
  const fetch = onlyFetch(machine.wait(7000));
  assertEquals(fetch.ranges, [{ piece: 0, begin: 0, length: 4 * BLOCK }]);
  const effects = deliver(machine, fetch);
  assertEquals(sentIn(effects, "cancel", peer).length, 4);
  assertEquals(effectsOf(effects, "store").length, 1);
});

Deno.test("near the end peers help a stuck web seed out, and its fetch is aborted", () => {
  const geometry = uniformGeometry(4 * BLOCK, 4 * BLOCK);
  const machine = machineOf({ geometry });
  const fetch = onlyFetch(addSeed(machine));
  machine.now += 3000;
  const peer = machine.connectSeed();
  let requests = sentIn(machine.message(peer, { type: "unchoke" }), "request");
  const effects: TorrentEffect[] = [];
  while (requests.length > 0) {
    const answers = requests.flatMap((request) => [...machine.block(peer, request)]);
    effects.push(...answers);
    requests = sentIn(answers, "request");
    checkInvariants(machine);
  }
  assertEquals(effectsOf(effects, "store").length, 1);
  assertEquals(effectsOf(effects, "webAbort"), [{ type: "webAbort", fetch: fetch.fetch }]);
});

Deno.test("peers with nothing else to do take from the end of what a slow web seed is asked for", () => {
  const limits = { maxOpenBytes: 16 * 4 * BLOCK };
  const machine = machineOf({ limits, have: [0] });
  const fetch = onlyFetch(addSeed(machine));
  assertEquals(piecesOf(fetch), [1, 2, 3, 4, 5, 6, 7]);
  for (let i = 0; i < 4; i++) {
    machine.now += 1000;
    deliver(machine, fetch, i, i + 1);
  }
  machine.input({ type: "pieceStored", piece: 1 });
  const peer = machine.connectSeed({ depth: 6 });
  const requests = sentIn(machine.message(peer, { type: "unchoke" }), "request");
  assertEquals(requests.map(({ piece }) => piece), [7, 7, 7, 7, 6, 6]);
  checkInvariants(machine);
  const rest = deliver(machine, fetch, 4, 20);
  assertEquals(effectsOf(rest, "webAbort").map(({ fetch }) => fetch), [fetch.fetch]); // where the peer began
  for (const request of requests) machine.block(peer, request);
  assertEquals(machine.state.totals.wasted, 0);
  checkInvariants(machine);
});

Deno.test("every peer with nothing else to do takes from a slow web seed, also while there is no memory", () => {
  const geometry = uniformGeometry(32 * 4 * BLOCK, 4 * BLOCK);
  const machine = machineOf({ geometry, have: [0] });
  const busy = [1, 2].map(() => machine.connectSeed({ depth: 8 }));
  const idle = [1, 2].map(() => machine.connectSeed({ depth: 4 }));
  assertEquals(onlyFetch(addSeed(machine)).ranges.length, 4);
  for (const peer of busy) {
    assertEquals(sentIn(machine.message(peer, { type: "unchoke" }), "request").length, 8);
  }
  for (const peer of idle) assertEquals(sentIn(machine.message(peer, { type: "unchoke" }), "request"), []);
  machine.now += 3000;
  const effects = machine.input({ type: "prioritize", priorities: new Uint8Array(32).fill(4) });
  for (const peer of idle) assertEquals(sentIn(effects, "request", peer).length, 4);
  checkInvariants(machine);
});

Deno.test("peers leave alone what a web seed is about to send", () => {
  const machine = machineOf({ geometry: uniformGeometry(2 * 4 * BLOCK, 4 * BLOCK) });
  const fetch = onlyFetch(addSeed(machine));
  machine.now += 10;
  deliver(machine, fetch, 0, 3);
  const peer = machine.connectSeed();
  const requests = sentIn(machine.message(peer, { type: "unchoke" }), "request");
  assertEquals(requests.filter(({ piece }) => piece === fetch.ranges[0]!.piece), []);
});

Deno.test("a web seed without work takes the end of what a slower one is asked for", () => {
  const limits = { maxOpenBytes: 32 * 4 * BLOCK };
  const machine = machineOf({ limits, have: [0] });
  const slow = onlyFetch(addSeed(machine));
  assertEquals(piecesOf(slow), [1, 2, 3, 4, 5, 6, 7]);
  for (let i = 0; i < 3; i++) {
    machine.now += 1000;
    deliver(machine, slow, i, i + 1);
  }
  const fast = onlyFetch(addSeed(machine, -2));
  assertEquals(piecesOf(fast), [2, 3, 4, 5, 6, 7].slice(-piecesOf(fast).length));
  checkInvariants(machine);
  deliver(machine, fast);
  end(machine, fast);
  deliver(machine, slow, 3, 28);
  assertEquals(machine.state.totals.wasted, 0);
});

Deno.test("a failure frees the blocks for others; the web seed rests, longer each time", () => {
  const machine = machineOf();
  let fetch = onlyFetch(addSeed(machine));
  for (const restMs of [2000, 30_000, 30_000, 30_000, 60_000, 120_000]) {
    assertEquals(effectsOf(end(machine, fetch, true), "webFetch"), []);
    checkInvariants(machine);
    assertEquals(machine.state.downloads.size, 0);
    assertEquals(effectsOf(machine.wait(restMs - 1), "webFetch"), []);
    fetch = onlyFetch(machine.wait(1));
  }
});

Deno.test("a web seed goes on where its answer was cut", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  machine.now += 1000;
  deliver(machine, fetch, 0, 6);
  end(machine, fetch, true);
  const again = onlyFetch(machine.wait(2000));
  assertEquals(again.ranges[0], { piece: 1, begin: 2 * BLOCK, length: 2 * BLOCK });
  assertEquals(piecesOf(again)[1], 2);
});

Deno.test("an answer that ends early is a failure, whatever the session says", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  deliver(machine, fetch, 0, 1);
  assertEquals(effectsOf(end(machine, fetch), "webFetch"), []);
});

Deno.test("a server may say how long it is to be left alone, but neither at once nor for ever", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  end(machine, fetch, true, 7000);
  assertEquals(effectsOf(machine.wait(6999), "webFetch"), []);
  const again = onlyFetch(machine.wait(1));
  end(machine, again, true, 1e12);
  const late = onlyFetch(machine.wait(3_600_000));
  assertEquals(effectsOf([...end(machine, late, true, 0), ...machine.wait(999)], "webFetch"), []);
  onlyFetch(machine.wait(1));
});

Deno.test("a server that says how long to wait, or lacks much, is not left alone for longer when it fails", () => {
  const machine = machineOf();
  let fetch = onlyFetch(addSeed(machine));
  for (let i = 0; i < 20; i++) {
    end(machine, fetch, true, 1000);
    fetch = onlyFetch(machine.wait(1000));
  }
  end(machine, fetch, true);
  onlyFetch(machine.wait(2000));
});

Deno.test("a web seed whose piece fails its hash is discarded, no host is banned (BEP 19)", () => {
  const machine = machineOf();
  const effects = deliver(machine, onlyFetch(addSeed(machine)), 0, 4);
  assertEquals(effectsOf(effects, "store").map(({ piece }) => piece), [0]);
  const corrupt = machine.input({ type: "pieceCorrupt", piece: 0 });
  assertEquals(effectsOf(corrupt, "webSeedDiscarded").map(({ seed }) => seed), [-1]);
  assertEquals(effectsOf(corrupt, "webAbort").length, 1);
  assertEquals(effectsOf(corrupt, "ban"), []);
  assertEquals(machine.state.downloads.size, 0);
  assertEquals(machine.wait(4_000_000).length, 0);
  checkInvariants(machine);
});

Deno.test("of a piece that a peer and a web seed sent together the liar is found", () => {
  for (const liar of ["peer", "web seed"]) {
    const geometry = uniformGeometry(4 * BLOCK, 4 * BLOCK);
    const machine = machineOf({ geometry });
    const fetch = onlyFetch(addSeed(machine));
    deliver(machine, fetch, 0, 2);
    machine.now += 3000;
    const peer = machine.connectSeed();
    const fill = (who: string) => who === liar ? 9 : 7;
    let requests = sentIn(machine.message(peer, { type: "unchoke" }), "request");
    while (requests.length > 0) {
      requests = requests.flatMap((request) => sentIn(machine.block(peer, request, fill("peer")), "request"));
    }
    machine.input({ type: "pieceCorrupt", piece: 0 });
    assert(machine.state.blame.isOnParole(0));
    checkInvariants(machine);
    // The peer is the first to be asked again; when it goes the web seed gets its chance.
    const again = onlyFetch([...machine.input({ type: "peerClosed", peer }), ...machine.wait(3000)]);
    assertEquals(again.ranges, [{ piece: 0, begin: 0, length: 4 * BLOCK }]);
    const block = new Uint8Array(BLOCK).fill(fill("web seed"));
    const blocks = [0, 1, 2, 3].flatMap(() => [
      ...machine.input({ type: "webBlock", fetch: again.fetch, block }),
    ]);
    assertEquals(effectsOf(blocks, "store").length, 1);
    const isGood = liar === "peer";
    const verdict = machine.input({ type: isGood ? "pieceStored" : "pieceCorrupt", piece: 0 });
    assertEquals(effectsOf(verdict, "ban").length, isGood ? 1 : 0);
    assertEquals(effectsOf(verdict, "webSeedDiscarded").length, isGood ? 0 : 1);
  }
});

Deno.test("pieces that a web seed lacks are not asked of it; one that lacks all is discarded", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  machine.input({ type: "webLacks", seed: -1, first: 0, last: 5 });
  const next = onlyFetch([...end(machine, fetch, true, 0), ...machine.wait(1000)]);
  assertEquals(piecesOf(next), [6, 7]);
  const effects = machine.input({ type: "webLacks", seed: -1, first: 6, last: 1e9 });
  assertEquals(effectsOf(effects, "webSeedDiscarded").length, 1);
  checkInvariants(machine);
});

Deno.test("priorities, selection and order hold for web seeds too", () => {
  const priorities = new Uint8Array([0, 4, 4, 4, 0, 7, 7, 4]);
  const machine = machineOf({ priorities });
  assertEquals(piecesOf(onlyFetch(addSeed(machine))), [5, 6]);
  const sequential = machineOf({ sequential: true, have: [0], random: () => 0.9 });
  assertEquals(piecesOf(onlyFetch(addSeed(sequential))), [1, 2, 3, 4]);
});

Deno.test("what is wanted no longer is aborted", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  const effects = machine.input({ type: "prioritize", priorities: new Uint8Array([0, 0, 0, 0, 4, 4, 4, 4]) });
  assertEquals(effectsOf(effects, "webAbort").map(({ fetch }) => fetch), [fetch.fetch]);
  assertEquals(piecesOf(onlyFetch(effects)), [4, 5, 6, 7]);
  checkInvariants(machine);
});

Deno.test("a reader's piece comes first, and a jump ends what is not for it", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  const effects = machine.input({ type: "urgent", reader: 1, pieces: [6, 7] });
  assertEquals(effectsOf(effects, "webAbort").map(({ fetch }) => fetch), [fetch.fetch]);
  assertEquals(piecesOf(onlyFetch(effects))[0], 6);
  checkInvariants(machine);
});

Deno.test("pause aborts and frees everything, resume goes on", () => {
  const machine = machineOf();
  const fetch = onlyFetch(addSeed(machine));
  deliver(machine, fetch, 0, 2);
  const effects = machine.input({ type: "pause" });
  assertEquals(effectsOf(effects, "webAbort").length, 1);
  assertEquals(machine.buffers.lent, 0);
  assertEquals(machine.wait(1_000_000), []);
  assertEquals(machine.input({ type: "webBlock", fetch: fetch.fetch, block: new Uint8Array(BLOCK) }), []);
  onlyFetch(machine.input({ type: "resume" }));
  checkInvariants(machine);
});

Deno.test("two web seeds share a gap without getting into each other's way", () => {
  const machine = machineOf({ geometry: uniformGeometry(64 * BLOCK, BLOCK), have: [0] });
  machine.now += 1000;
  const first = onlyFetch(addSeed(machine)), pieces = piecesOf(first);
  assertEquals([pieces[0], pieces.length], [1, 16]);
  const effects = deliver(machine, first, 0, 4), second = onlyFetch(addSeed(machine, -2));
  assertEquals(effectsOf(effects, "webFetch"), []);
  assertEquals(piecesOf(second)[0], 17 + Math.floor(47 / 2));
  assertEquals(piecesOf(first).filter((piece) => piecesOf(second).includes(piece)), []);
});

Deno.test("a run ends where memory does, and gives up none of its own pieces for the next", () => {
  const machine = machineOf({ geometry: uniformGeometry(32 * 4 * BLOCK, 4 * BLOCK) });
  for (let i = 0; i < 7; i++) machine.message(machine.connectSeed({ depth: 4 }), { type: "unchoke" });
  assertEquals(machine.state.downloads.size, 7);
  const fetch = onlyFetch(addSeed(machine)), open = [...machine.state.downloads.all()];
  assertEquals(piecesOf(fetch), [open[7]!.piece]);
  deliver(machine, fetch);
  assertEquals(machine.state.totals.wasted, 0);
});

Deno.test("at most four web seeds are asked at the same time", () => {
  const geometry = uniformGeometry(64 * 100 * BLOCK, 100 * BLOCK);
  const machine = machineOf({ geometry, limits: { maxOpenBytes: 2 ** 30 } });
  let asked = 0;
  for (let seed = -1; seed >= -6; seed--) asked += effectsOf(addSeed(machine, seed), "webFetch").length;
  assertEquals(asked, 4);
});

Deno.test("runs grow with the speed of the web seed, up to a bound", () => {
  const geometry = uniformGeometry(4096 * 4 * BLOCK, 4 * BLOCK);
  const machine = machineOf({ geometry, have: [0], limits: { maxOpenBytes: 2 ** 30 } });
  let fetch = onlyFetch(addSeed(machine));
  const lengths: number[] = [];
  for (let i = 0; i < 4; i++) {
    lengths.push(fetch.ranges.reduce((sum, { length }) => sum + length, 0));
    machine.now += 200;
    const effects: TorrentEffect[] = [];
    for (const length of lengthsOf(fetch)) {
      effects.push(
        ...machine.input({ type: "webBlock", fetch: fetch.fetch, block: new Uint8Array(length) }),
      );
    }
    stored(machine, effects);
    fetch = onlyFetch([...effects, ...end(machine, fetch)]);
  }
  assertEquals(lengths[0], 1024 * 1024);
  assertEquals(lengths.at(-1), 16 * 1024 * 1024);
});

Deno.test("random steps: the books stay in step and the torrent gets done", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
    const machine = new Machine({
      geometry: uniformGeometry(11 * 3 * BLOCK + 777, 3 * BLOCK),
      seed,
      limits: { maxOpenBytes: 6 * 3 * BLOCK },
    });
    const { state } = machine;
    let fetches: { fetch: number; lengths: number[] }[] = [];
    let requests: { peer: number; piece: number; begin: number; length: number }[] = [];
    const stores: number[] = [];
    const note = (effects: readonly TorrentEffect[]) => {
      for (const effect of effects) {
        if (effect.type === "webFetch") fetches.push({ fetch: effect.fetch, lengths: lengthsOf(effect) });
        if (effect.type === "webAbort") fetches = fetches.filter(({ fetch }) => fetch !== effect.fetch);
        if (effect.type === "store") stores.push(effect.piece);
        if (effect.type === "close") requests = requests.filter(({ peer }) => peer !== effect.peer);
        if (effect.type !== "send") continue;
        const { message, peer } = effect;
        if (message.type === "request") requests.push({ ...message, peer });
        if (message.type === "cancel") {
          requests = requests.filter((one) =>
            one.peer !== peer || one.piece !== message.piece || one.begin !== message.begin
          );
        }
      }
      checkInvariants(machine);
    };
    note(addSeed(machine, -1));
    note(addSeed(machine, -2, true));
    const webStep = () => {
      const one = pick(fetches);
      if (one === undefined) return;
      const length = one.lengths.shift();
      if (length === undefined || random() < 0.03) {
        fetches = fetches.filter((other) => other !== one);
        note(machine.input({ type: "webEnded", fetch: one.fetch, failed: length !== undefined }));
      } else note(machine.input({ type: "webBlock", fetch: one.fetch, block: new Uint8Array(length) }));
    };
    const peerStep = () => {
      const one = pick(requests);
      if (one === undefined) return;
      requests = requests.filter((other) => other !== one);
      note(machine.block(one.peer, one));
    };
    const storeStep = () => {
      const piece = stores.shift();
      if (piece === undefined) return;
      if (random() < 0.02) note(machine.input({ type: "piecesFound", pieces: [piece] }));
      note(machine.input({ type: "pieceStored", piece }));
    };
    const controlStep = () => {
      const kind = Math.floor(random() * 6);
      if (kind === 0 && state.peers.size < 3) {
        const peer = machine.connectSeed();
        note(machine.message(peer, { type: "unchoke" }));
      } else if (kind === 1) {
        const peer = pick(state.peers.toArray());
        if (peer) {
          requests = requests.filter((one) => one.peer !== peer.key);
          note(machine.input({ type: "peerClosed", peer: peer.key }));
        }
      } else if (kind === 2) {
        note(machine.input({ type: "urgent", reader: 1, pieces: [Math.floor(random() * 12)] }));
      } else if (kind === 3) note(machine.input({ type: "urgent", reader: 1, pieces: [] }));
      else if (kind === 4) {
        fetches = [];
        requests = [];
        note(machine.input({ type: "pause" }));
        note(machine.input({ type: "resume" }));
      } else note(machine.wait(3000));
    };
    for (let step = 0; step < 4000 && !state.ledger.have.isFull; step++) {
      const chance = random();
      if (chance < 0.5) webStep();
      else if (chance < 0.8) peerStep();
      else if (chance < 0.97) storeStep();
      else controlStep();
      if (fetches.length + requests.length + stores.length === 0) note(machine.wait(31_000));
    }
    assert(state.ledger.have.isFull, `seed ${seed}: ${state.ledger.have.count} pieces`);
    for (const { fetch } of fetches) note(machine.input({ type: "webEnded", fetch, failed: false }));
    assertEquals(state.downloads.webSeeds.fetches().length, 0, `seed ${seed}`);
    assertEquals(machine.buffers.lent, 0);
  }
});
