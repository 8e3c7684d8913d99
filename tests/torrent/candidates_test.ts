import { assert, assertEquals } from "@std/assert";
import { peerPriority } from "../../src/peer/priority.ts";
import { Candidates } from "../../src/torrent/candidates.ts";
import { seededRandom } from "./swarm.ts";

const MINUTE = 60_000;
const address = (n: number, port = 6881) => ({ host: `10.0.${n >> 8}.${n & 255}`, port });
const choice = (now: number) => ({ now, skipUploadOnly: false });
const parting = { now: 0, useful: true, uploadOnly: false, blameless: false };

function create(ours?: { host: string; port: number }): Candidates {
  return new Candidates(seededRandom(1), ours);
}

Deno.test("Candidates.forget() leaves nobody to dial, and takes addresses anew", () => {
  const candidates = new Candidates(() => 0.5, undefined), address = { host: "10.0.0.1", port: 1 };
  candidates.add("tracker", [address, { host: "10.0.0.2", port: 2 }], 0);
  const dialled = candidates.next({ now: 0, skipUploadOnly: false })!;
  candidates.forget();
  candidates.failed(dialled, 0);
  assertEquals([candidates.size, candidates.dialling, candidates.dueAt], [0, 0, undefined]);
  candidates.add("tracker", [address], 5);
  assertEquals(candidates.next({ now: 5, skipUploadOnly: false }), address);
});

Deno.test("Candidates.add() takes no port 0, no address of ours, no banned host, nothing twice", () => {
  const candidates = create(address(9));
  candidates.ban(address(8).host);
  candidates.add(
    "pex",
    [address(1), address(1), address(2, 0), address(3, 70000), address(8), address(9)],
    0,
  );
  assertEquals(candidates.size, 1);
});

Deno.test("Candidates.add() takes no address where no peer can be; dialling 0.0.0.0 would lead to ourselves", () => {
  const candidates = create(),
    nowhere = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"];
  candidates.add("tracker", nowhere.map((host) => ({ host, port: 6881 })), 0);
  assertEquals(candidates.size, 0);
  const places = ["127.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "2001:4860::8", "peer.example"];
  candidates.add("tracker", places.map((host) => ({ host, port: 6881 })), 0);
  assertEquals(candidates.size, places.length);
});

Deno.test("Candidates.next() gives each address once until its outcome is known", () => {
  const candidates = create();
  candidates.add("tracker", [address(1), address(2)], 5);
  assertEquals(candidates.dueAt, 5);
  assert(candidates.next(choice(5)) !== candidates.next(choice(5)));
  assertEquals(candidates.next(choice(5)), undefined);
  assertEquals([candidates.dialling, candidates.dueAt], [2, undefined]);
});

Deno.test("Candidates.failed() waits twice as long each time and forgets the address in the end", () => {
  const candidates = create();
  candidates.add("tracker", [address(1)], 0);
  let now = 0;
  for (const seconds of [15, 30, 60, 120]) {
    assertEquals(candidates.next(choice(now)), address(1));
    candidates.failed(address(1), now);
    assertEquals(candidates.dueAt, now + seconds * 1000);
    assertEquals(candidates.next(choice(candidates.dueAt! - 1)), undefined);
    now = candidates.dueAt!;
  }
  candidates.next(choice(now));
  candidates.failed(address(1), now);
  assertEquals([candidates.size, candidates.dialling], [0, 0]);
});

Deno.test("Candidates.failed() never forgets what the user gave", () => {
  const candidates = create();
  candidates.add("user", [address(1)], 0);
  for (let now = 0, failures = 0; failures < 20; now += 60 * MINUTE, failures++) {
    assertEquals(candidates.next(choice(now)), address(1));
    candidates.failed(address(1), now);
    assert(candidates.dueAt! <= now + 30 * MINUTE);
  }
});

Deno.test("Candidates.next() orders by canonical priority once our address is known", () => {
  const ours = { host: "123.213.32.10", port: 1 };
  const candidates = create();
  const others = Array.from({ length: 20 }, (_, i) => ({ host: `98.${i}.54.32`, port: 1 }));
  candidates.add("tracker", others, 0);
  candidates.setOurs(ours);
  const dialled = others.map(() => candidates.next(choice(0))!);
  const priorities = dialled.map((address) => peerPriority(ours, address));
  assertEquals(priorities, priorities.toSorted((a, b) => b - a));
});

Deno.test("Candidates.priorityOf() compares each family with our address of that family (BEP 40)", () => {
  const candidates = create({ host: "123.213.32.10", port: 1 });
  const peer4 = { host: "123.213.32.234", port: 2 }, peer6 = { host: "2001:db8:1::1", port: 2 };
  assertEquals(candidates.priorityOf(peer4), 0x99568189);
  assertEquals(candidates.priorityOf(peer6), undefined);
  candidates.setOurs({ host: "2001:db8::1", port: 1 });
  assertEquals([candidates.priorityOf(peer4), candidates.priorityOf(peer6)], [0x99568189, 0xdf8e1c1a]);
  candidates.setOurs({ host: "98.76.54.32", port: 1 });
  assertEquals(candidates.priorityOf({ host: "123.213.32.10", port: 2 }), 0xec2d7224);
});

Deno.test("Candidates.add() knows both addresses of ours", () => {
  const candidates = create(address(9));
  candidates.setOurs({ host: "2001:db8::1", port: 6881 });
  candidates.add("pex", [address(9), { host: "2001:db8::1", port: 6881 }], 0);
  assertEquals(candidates.size, 0);
});

Deno.test("Candidates.next() prefers addresses that have not failed", () => {
  const candidates = create();
  candidates.add("tracker", [address(1)], 0);
  candidates.next(choice(0));
  candidates.failed(address(1), 0);
  candidates.add("tracker", [address(2)], 0);
  assertEquals(candidates.next(choice(10 * MINUTE)), address(2));
});

Deno.test("Candidates.next() skips peers that want nothing while we want nothing", () => {
  const candidates = create();
  candidates.add("tracker", [address(1)], 0);
  candidates.next(choice(0));
  candidates.connected(address(1), 0);
  candidates.disconnected(address(1), { ...parting, uploadOnly: true });
  assertEquals(candidates.next({ now: MINUTE, skipUploadOnly: true }), undefined);
  assertEquals(candidates.dueAt, undefined);
  candidates.wake(MINUTE);
  assertEquals(candidates.next(choice(MINUTE)), address(1));
});

Deno.test("Candidates.disconnected() lets a useful peer come back after a minute, and a blameless one at once", () => {
  const candidates = create();
  candidates.connected(address(1), 0);
  candidates.disconnected(address(1), parting);
  assertEquals(candidates.next(choice(MINUTE - 1)), undefined);
  assertEquals(candidates.next(choice(MINUTE)), address(1));
  candidates.connected(address(1), MINUTE);
  candidates.disconnected(address(1), { ...parting, now: 2 * MINUTE, blameless: true });
  assertEquals(candidates.next(choice(2 * MINUTE)), address(1));
});

Deno.test("Candidates.isOurselves() is never dialled again, nor added anew", () => {
  const candidates = create();
  candidates.add("tracker", [address(1)], 0);
  candidates.next(choice(0));
  candidates.isOurselves(address(1));
  candidates.add("tracker", [address(1)], 0);
  assertEquals([candidates.next(choice(100 * MINUTE)), candidates.dialling], [undefined, 0]);
});

Deno.test("Candidates is bounded, and gives up failed addresses for new ones", () => {
  const candidates = create();
  candidates.add("pex", Array.from({ length: 5000 }, (_, i) => address(i)), 0);
  assertEquals(candidates.size, 2000);
  candidates.add("tracker", [address(60000)], 0);
  assertEquals(candidates.size, 2000);
  const dialled = candidates.next(choice(0))!;
  candidates.failed(dialled, 0);
  candidates.add("tracker", [address(60000)], 0);
  assertEquals(candidates.size, 2000);
});

Deno.test("Candidates.strike() bans after the third offence", () => {
  const candidates = create();
  assertEquals([1, 2, 3].map(() => candidates.strike("a")), [false, false, true]);
  candidates.ban("a");
  assert(candidates.isBanned("a"));
});

Deno.test("Candidates gives no address of the user's up for new ones", () => {
  const candidates = create();
  candidates.add("user", [address(1)], 0);
  candidates.failed(candidates.next(choice(0))!, 0);
  candidates.add("pex", Array.from({ length: 5000 }, (_, i) => address(i + 2)), 0);
  assertEquals(candidates.size, 2000);
  candidates.connected(address(1), 0);
  candidates.disconnected(address(1), { ...parting, blameless: true });
  assert(
    Array.from({ length: 2000 }, () => candidates.next(choice(0))!).some(({ host }) =>
      host === address(1).host
    ),
  );
});
