import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { peerPriority } from "../../src/peer/priority.ts";
import { MetadataFetch } from "../../src/torrent/metadata_fetch.ts";
import type { MetadataFetchEffect, MetadataFetchInput } from "../../src/torrent/metadata_vocabulary.ts";
import { METADATA_BLOCK_LENGTH } from "../../src/wire/messages/metadata.ts";

const SIZE = 2 * METADATA_BLOCK_LENGTH + 100;
const TRUE_INFO = Uint8Array.from({ length: SIZE }, (_, i) => i * 7 >> 3);
const FALSE_INFO = TRUE_INFO.map((byte) => byte ^ 1);

/** A fetch among peers that answer at once with the metadata they have, each at a host of its own. */
class Swarm {
  readonly fetch = new MetadataFetch({ random: () => 0.5 });
  readonly effects: MetadataFetchEffect[] = [];
  readonly asked = new Map<number, number[]>();
  now = 0;

  readonly infos: ReadonlyMap<number, Uint8Array | undefined>;

  constructor(infos: ReadonlyMap<number, Uint8Array | undefined>) {
    this.infos = infos;
    for (const peer of infos.keys()) this.connect(peer);
  }

  connect(peer: number): void {
    const address = { host: `10.0.0.${peer}`, port: 1000 + peer };
    this.tell({ type: "peerConnected", peer, address, direction: "outgoing" });
  }

  offer(peer: number, size = this.infos.get(peer)?.length): void {
    this.tell({ type: "metadataOffered", peer, size });
  }

  tell(input: MetadataFetchInput): void {
    for (const effect of this.fetch.handle(input, this.now)) {
      this.effects.push(effect);
      if (effect.type === "send" && effect.message.type === "metadataRequest") {
        this.asked.set(effect.peer, [...this.asked.get(effect.peer) ?? [], effect.message.piece]);
      }
    }
  }

  /** The peer answers what it was asked first. */
  answer(peer: number): boolean {
    const piece = this.asked.get(peer)?.shift(), info = this.infos.get(peer);
    if (piece === undefined || info === undefined) return false;
    const block = info.subarray(piece * METADATA_BLOCK_LENGTH, (piece + 1) * METADATA_BLOCK_LENGTH);
    this.tell({
      type: "metadataMessage",
      peer,
      message: { type: "metadataData", piece, totalSize: info.length, block },
    });
    return true;
  }

  /** Everybody answers in turn, hashes are checked, until nothing moves. */
  run(): void {
    for (let moved = true; moved;) {
      moved = [...this.infos.keys()].map((peer) => this.answer(peer)).includes(true);
      const verify = this.effects.findIndex(({ type }) => type === "verify");
      if (verify < 0) continue;
      const [effect] = this.effects.splice(verify, 1) as [Extract<MetadataFetchEffect, { type: "verify" }>];
      this.tell({ type: "verified", isValid: effect.bytes.every((byte, i) => byte === TRUE_INFO[i]) });
      moved = true;
    }
  }

  of<T extends MetadataFetchEffect["type"]>(type: T): Extract<MetadataFetchEffect, { type: T }>[] {
    return this.effects.filter((effect): effect is Extract<MetadataFetchEffect, { type: T }> =>
      effect.type === type
    );
  }
}

Deno.test("MetadataFetch assembles blocks of several peers, one request at each", () => {
  const swarm = new Swarm(new Map([[1, TRUE_INFO], [2, TRUE_INFO]]));
  swarm.offer(1);
  assertEquals(swarm.of("send").length, 1);
  swarm.offer(2);
  assertEquals(swarm.of("send").map(({ peer, message }) => [peer, message.piece]), [[1, 0], [2, 1]]);
  assertEquals(swarm.fetch.progress(), { received: 0, blockCount: 3, peers: 2 });
  swarm.run();
  assertEquals(swarm.of("done")[0]!.rawInfo, TRUE_INFO);
  assertEquals(swarm.fetch.handle({ type: "tick" }, 1e6), []);
  assertEquals(swarm.fetch.deadline(), undefined);
});

Deno.test("MetadataFetch bans the one peer that sent wrong metadata", () => {
  const swarm = new Swarm(new Map([[1, FALSE_INFO], [2, TRUE_INFO]]));
  swarm.offer(1);
  swarm.run();
  assertEquals(swarm.of("ban").map(({ host }) => host), ["10.0.0.1"]);
  assertEquals(swarm.of("close").map(({ peer, reason }) => [peer, reason]), [[1, "banned"]]);
  swarm.offer(2);
  swarm.run();
  assertEquals(swarm.of("done").length, 1);
});

Deno.test("MetadataFetch finds the liar among several senders", () => {
  const swarm = new Swarm(new Map([[1, TRUE_INFO], [2, FALSE_INFO], [3, TRUE_INFO]]));
  for (const peer of [1, 2, 3]) swarm.offer(peer);
  swarm.run();
  assertEquals(swarm.of("done")[0]!.rawInfo, TRUE_INFO);
  assert(swarm.of("ban").every(({ host }) => host === "10.0.0.2"), "an honest peer was banned");
});

Deno.test("MetadataFetch keeps claims of different sizes apart", () => {
  const swarm = new Swarm(new Map([[1, FALSE_INFO.slice(0, 20_000)], [2, TRUE_INFO]]));
  swarm.offer(1);
  swarm.offer(2);
  swarm.run();
  assertEquals(swarm.of("done")[0]!.rawInfo, TRUE_INFO);
});

Deno.test("MetadataFetch closes a peer whose metadata would be too long, before it asks for any", () => {
  const swarm = new Swarm(new Map([[1, undefined]]));
  swarm.offer(1, 32 * 1024 * 1024 + 1);
  assertEquals(swarm.of("close").map(({ reason }) => reason), ["metadata of a size out of range"]);
  assertEquals(swarm.of("send"), []);
});

Deno.test("MetadataFetch closes a peer that says another size, and forgets what came of the first", () => {
  const swarm = new Swarm(new Map([[1, TRUE_INFO], [2, undefined]]));
  swarm.offer(1);
  swarm.answer(1);
  assertEquals(swarm.fetch.progress(), { received: 1, blockCount: 3, peers: 2 });
  swarm.offer(1, undefined);
  swarm.offer(1, SIZE);
  assertEquals(swarm.of("close"), []);
  swarm.offer(1, SIZE + 1);
  assertEquals(swarm.of("close").map(({ reason }) => reason), ["metadata of another size than before"]);
  assertEquals(swarm.fetch.progress(), { received: 0, blockCount: 0, peers: 1 });
});

Deno.test("MetadataFetch parts from who was of no use for a minute when all places are taken and others wait", () => {
  const swarm = new Swarm(
    new Map(Array.from({ length: 40 }, (_, i) => [i + 1, i === 2 ? TRUE_INFO : undefined])),
  );
  const address = { host: "10.0.1.1", port: 1 };
  swarm.offer(3);
  swarm.tell({ type: "candidates", source: "tracker", addresses: [address] });
  assertEquals([swarm.of("dial"), swarm.of("close")], [[], []]);
  swarm.now = 59_000;
  swarm.answer(3);
  swarm.now = swarm.fetch.deadline()!;
  assertEquals(swarm.now, 60_000);
  swarm.tell({ type: "tick" });
  assertEquals(swarm.of("dial").map(({ address }) => address.host), ["10.0.1.1"]);
  assertEquals(swarm.of("close").map(({ peer, reason }) => [peer, reason]), [[1, "has no metadata"]]);
  swarm.tell({ type: "dialFailed", address, isOurselves: true });
  // So does somebody who comes by himself; not the one of use.
  for (let peer = 41; peer <= 90; peer++) swarm.connect(peer);
  const closed = new Set(swarm.of("close").map(({ peer }) => peer));
  assertEquals([closed.has(3), closed.has(40), closed.has(41), closed.has(90)], [false, true, false, true]);
});

Deno.test("MetadataFetch leaves a peer alone that rejects, and one that is silent", () => {
  const swarm = new Swarm(new Map([[1, TRUE_INFO], [2, TRUE_INFO]]));
  swarm.offer(1);
  swarm.tell({ type: "metadataMessage", peer: 1, message: { type: "metadataReject", piece: 0 } });
  swarm.offer(2);
  assertEquals(swarm.of("send").filter(({ peer }) => peer === 2).map(({ message }) => message.piece), [0]);
  swarm.now = swarm.fetch.deadline()!;
  assertEquals(swarm.now, 10_000);
  swarm.asked.clear();
  swarm.tell({ type: "tick" });
  assertEquals(swarm.asked.size, 0, "both are left alone now");
  swarm.now = swarm.fetch.deadline()!;
  swarm.tell({ type: "tick" });
  swarm.now = 70_000;
  swarm.tell({ type: "tick" });
  swarm.run();
  assertEquals(swarm.of("done").length, 1);
});

Deno.test("MetadataFetch rejects requests: it has nothing to give yet", () => {
  const swarm = new Swarm(new Map([[1, undefined]]));
  swarm.tell({ type: "metadataMessage", peer: 1, message: { type: "metadataRequest", piece: 3 } });
  assertEquals(swarm.of("send").map(({ message }) => message), [{ type: "metadataReject", piece: 3 }]);
});

Deno.test("MetadataFetch dials candidates, again after a failure, and asks a peer that came later", () => {
  const swarm = new Swarm(new Map());
  const address = { host: "10.0.0.9", port: 9 };
  swarm.tell({ type: "candidates", source: "tracker", addresses: [address] });
  assertEquals(swarm.of("dial").map(({ address }) => address.host), ["10.0.0.9"]);
  swarm.tell({ type: "dialFailed", address });
  swarm.now = swarm.fetch.deadline()!;
  swarm.tell({ type: "tick" });
  assertEquals(swarm.of("dial").length, 2);
  swarm.tell({ type: "dialFailed", address, isOurselves: true });
  swarm.tell({ type: "candidates", source: "tracker", addresses: [address] });
  assertEquals([swarm.of("dial").length, swarm.fetch.deadline()], [2, undefined]);
});

Deno.test("MetadataFetch survives whatever peers say, and asks no more than one block of each", () => {
  const peer = fc.integer({ min: 1, max: 3 }), piece = fc.integer({ min: -1, max: 4 });
  const input: fc.Arbitrary<MetadataFetchInput> = fc.oneof(
    fc.record({
      type: fc.constant("metadataOffered" as const),
      peer,
      size: fc.option(fc.integer({ min: 1, max: 70_000 }), { nil: undefined }),
    }),
    fc.record({
      type: fc.constant("metadataMessage" as const),
      peer,
      message: fc.oneof(
        fc.record({ type: fc.constant("metadataReject" as const), piece }),
        fc.record({
          type: fc.constant("metadataData" as const),
          piece,
          totalSize: fc.nat(70_000),
          block: fc.uint8Array({ maxLength: 40 }),
        }),
      ),
    }),
    fc.record({ type: fc.constant("peerClosed" as const), peer }),
    fc.record({ type: fc.constant("verified" as const), isValid: fc.constant(false) }),
    fc.constant({ type: "tick" as const }),
    peer.map((peer) => ({
      type: "peerConnected" as const,
      peer,
      address: { host: `10.0.0.${peer}`, port: 1 },
      direction: "incoming" as const,
    })),
  );
  fc.assert(fc.property(fc.array(fc.tuple(input, fc.nat(30_000)), { maxLength: 60 }), (steps) => {
    const fetch = new MetadataFetch({ random: () => 0.5 }), outstanding = new Map<number, number>();
    let now = 0;
    for (const [step, later] of steps) {
      now += later;
      if (step.type === "metadataMessage" || step.type === "peerClosed" || step.type === "peerConnected") {
        outstanding.set(
          step.peer,
          step.type === "metadataMessage" ? (outstanding.get(step.peer) ?? 0) - 1 : 0,
        );
      }
      if (step.type === "tick" || step.type === "metadataOffered") outstanding.clear();
      for (const effect of fetch.handle(step, now)) {
        if (effect.type !== "send" || effect.message.type !== "metadataRequest") continue;
        const count = Math.max(0, outstanding.get(effect.peer) ?? 0) + 1;
        outstanding.set(effect.peer, count);
        assert(count <= 1);
      }
    }
  }));
});

Deno.test("MetadataFetch dials by canonical priority once our address is known", () => {
  const fetch = new MetadataFetch({ random: () => 0.5 }), ours = { host: "123.213.32.10", port: 1 };
  fetch.handle({ type: "ourAddress", address: ours }, 0);
  const addresses = Array.from({ length: 15 }, (_, i) => ({ host: `98.${i}.54.32`, port: 1 }));
  const effects = fetch.handle({ type: "candidates", source: "tracker", addresses }, 0);
  const dialled = effects.flatMap((effect) =>
    effect.type === "dial" ? [peerPriority(ours, effect.address)] : []
  );
  assertEquals(dialled.length, 15);
  assertEquals(dialled, dialled.toSorted((a, b) => b - a));
});
