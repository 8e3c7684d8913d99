import { assertEquals, assertRejects } from "@std/assert";
import { StateError, TransportError } from "../../src/errors.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { VirtualClock, VirtualNetwork } from "../../src/testing/mod.ts";

const HERE = "10.0.0.1", THERE = { host: "10.0.0.2", port: 9 };

function setUp() {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock });
  return { clock, network, here: network.host(HERE), there: network.host(THERE.host) };
}

Deno.test("DatagramHub hands a datagram to the first consumer that takes it", async () => {
  const { clock, here, there } = setUp(),
    hub = new DatagramHub(here, () => ({ port: 7 })),
    seen: string[] = [];
  hub.add((_, bytes) => (seen.push(`a${bytes[0]}`), bytes[0] === 1));
  const leave = hub.add((_, bytes) => (seen.push(`b${bytes[0]}`), true));
  const socket = await there.bindDatagram(), to = await hub.address();
  for (const byte of [1, 2]) await socket.send(new Uint8Array([byte]), to);
  await clock.advance(100);
  leave();
  await socket.send(new Uint8Array([3]), to);
  await clock.advance(100);
  assertEquals(seen, ["a1", "a2", "b2", "a3"]);
  await Promise.all([hub.close(), hub.close()]);
  await assertRejects(() => hub.address(), StateError);
});

Deno.test("DatagramHub takes another port if its own is taken, unless it must be that one", async () => {
  const { here } = setUp(), taken = await here.bindDatagram({ port: 7 });
  const hub = new DatagramHub(here, () => ({ port: 7 }));
  assertEquals((await hub.address()).port === 7, false);
  await hub.close();
  const strict = new DatagramHub(here, () => ({ port: 7, mustHavePort: true }));
  await assertRejects(() => strict.address(), TransportError, "in use");
  taken.close();
  assertEquals((await strict.address()).port, 7);
  await strict.close();
});

Deno.test("DatagramHub binds a new socket when its own has died", async () => {
  const { clock, here, there } = setUp(), listener = await there.bindDatagram({ port: THERE.port });
  let dying = 1;
  const network = {
    ...{ dial: here.dial, listen: here.listen, fetch: here.fetch, resolve: here.resolve },
    async bindDatagram() {
      const socket = await here.bindDatagram();
      if (dying-- > 0) socket.receive = () => Promise.reject(new TransportError("dead"));
      return socket;
    },
  };
  const hub = new DatagramHub(network);
  await hub.send(new Uint8Array([1]), THERE);
  await hub.send(new Uint8Array([2]), THERE);
  const heard: number[] = [];
  hub.add((_, bytes) => heard.push(bytes[0]!) > 0);
  const datagram = await clock.runUntil(listener.receive(new Uint8Array(10)));
  assertEquals(datagram?.bytes[0], 1);
  const second = await clock.runUntil(listener.receive(new Uint8Array(10)));
  await listener.send(new Uint8Array([3]), second!.from);
  await clock.advance(100);
  assertEquals(heard, [3]);
  await hub.close();
});
