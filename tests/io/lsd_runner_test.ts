import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../src/errors.ts";
import { LsdRunner, type LsdRunnerOptions } from "../../src/io/lsd_runner.ts";
import { seededRandom } from "../../src/io/memory/seeded_random.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { VirtualNetwork } from "../../src/io/memory/virtual_network.ts";
import type { Network } from "../../src/io/transport.ts";
import type { PeerAddress } from "../../src/peer/address.ts";

const MINUTE = 60_000;
const A = "192.168.1.1", B = "192.168.1.2";
const ONE = new Uint8Array(20).fill(1), TWO = new Uint8Array(20).fill(2);

function setUp() {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock });
  let seed = 0;
  const start = (host: Network, more: Partial<LsdRunnerOptions> = {}) =>
    LsdRunner.start({ network: host, clock, random: seededRandom(++seed), port: 6881, ...more });
  return { clock, network, start };
}

Deno.test("LsdRunner makes neighbours known to each other, and tells nobody of itself", async () => {
  const { clock, network, start } = setUp();
  const a = await start(network.host(A)), b = await start(network.host(B), { port: 6882 });
  const seenByA: PeerAddress[] = [], seenByB: PeerAddress[] = [];
  a.join(ONE, (address) => seenByA.push(address));
  b.join(ONE, (address) => seenByB.push(address));
  b.join(TWO, () => assert(false, "nobody else is in this one"));
  await clock.advance(MINUTE);
  assertEquals([seenByA, seenByB], [[{ host: B, port: 6882 }], [{ host: A, port: 6881 }]]);
  a.close();
  b.close();
});

Deno.test("LsdRunner speaks IPv4 and IPv6, each from the address of its family", async () => {
  const { clock, network, start } = setUp();
  const a = await start(network.host(A, "fd00::1")), b = await start(network.host(B, "fd00::2"));
  const seen: PeerAddress[] = [];
  a.join(ONE, () => {});
  b.join(ONE, (address) => seen.push(address));
  await clock.advance(MINUTE);
  assertEquals(a.families, [4, 6]);
  assertEquals(seen.map(({ host }) => host).toSorted(), [A, "fd00::1"]);
  a.close();
  b.close();
});

Deno.test("LsdRunner keeps to the family of the address that it is given", async () => {
  const { network, start } = setUp(), host = network.host(A, "fd00::1");
  const families = [];
  for (const at of [A, "fd00::1", "0.0.0.0", "::"]) {
    const runner = await start(host, { host: at });
    families.push(runner.families);
    runner.close();
  }
  assertEquals(families, [[4], [6], [4], [4, 6]]);
});

Deno.test("LsdRunner announces nothing until we listen, but hears", async () => {
  const { clock, network, start } = setUp();
  const { port: _, ...mute } = { network: network.host(A), clock, random: seededRandom(9), port: 1 };
  const a = await LsdRunner.start(mute), b = await start(network.host(B));
  const seenByA: PeerAddress[] = [], seenByB: PeerAddress[] = [];
  a.join(ONE, (address) => seenByA.push(address));
  b.join(ONE, (address) => seenByB.push(address));
  await clock.advance(MINUTE);
  assertEquals([seenByA.length, seenByB.length], [1, 0]);
  a.listensOn(7000);
  await clock.advance(1000);
  assertEquals(seenByB, [{ host: A, port: 7000 }]);
  a.close();
  b.close();
});

Deno.test("LsdRunner.join() answers with a way to leave, which leaves a later join of the torrent alone", async () => {
  const { clock, network, start } = setUp();
  const a = await start(network.host(A)), b = await start(network.host(B));
  const seen: string[] = [];
  const leave = b.join(ONE, () => seen.push("first"));
  b.join(ONE, () => seen.push("second"));
  leave();
  const leaveTwo = b.join(TWO, () => seen.push("two"));
  leaveTwo();
  leaveTwo();
  a.join(ONE, () => {});
  a.join(TWO, () => {});
  await clock.advance(MINUTE);
  assertEquals(seen, ["second"]);
  a.close();
  b.close();
});

Deno.test("LsdRunner goes on after its network was down", async () => {
  const { clock, network, start } = setUp();
  const a = await start(network.host(A)), b = await start(network.host(B));
  let seen = 0;
  a.join(ONE, () => {});
  b.join(ONE, () => seen++);
  network.cut(A, B);
  await clock.advance(4 * MINUTE);
  assertEquals(seen, 0);
  network.restore(A, B);
  await clock.advance(4 * MINUTE);
  assertEquals(seen, 1);
  a.close();
  b.close();
});

Deno.test("LsdRunner.close() ends it for good, twice as well", async () => {
  const { clock, network, start } = setUp();
  const a = await start(network.host(A)), b = await start(network.host(B));
  a.join(ONE, () => {});
  b.join(ONE, () => assert(false, "a was closed"));
  a.close();
  a.close();
  a.join(TWO, () => {});
  a.listensOn(1);
  await clock.advance(10 * MINUTE);
  b.close();
  assertEquals(network.traffic(A).sentDatagrams, 0);
});

Deno.test("LsdRunner.start() takes the one group that there is, and says why there is none", async () => {
  const { network, start } = setUp(), host = network.host(A);
  const refuse = (refused: (group: string) => boolean): Network => ({
    dial: (address, options) => host.dial(address, options),
    listen: (options) => host.listen(options),
    fetch: (request) => host.fetch(request),
    resolve: (name, options) => host.resolve(name, options),
    bindDatagram: (options) =>
      refused(options?.multicast ?? "")
        ? Promise.reject(new TransportError("no multicast here"))
        : host.bindDatagram(options),
  });
  const runner = await start(refuse((group) => group.includes(":")));
  assertEquals(runner.families, [4]);
  runner.close();
  const error = await assertRejects(
    () => start(refuse(() => true)),
    TransportError,
    "no multicast group can be joined",
  );
  assertEquals((error.cause as AggregateError).errors.map(({ message }) => message), [
    "no multicast here",
    "no multicast here",
  ]);
});
