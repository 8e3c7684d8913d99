import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../../src/errors.ts";
import { denoNetwork } from "../../../src/io/deno/network.ts";
import type { DatagramSocket } from "../../../src/io/transport.ts";

const NOTHING = new Uint8Array();

// Nothing leaves the machine: the groups are joined on its loopback interface alone.
const PLACES = [
  { host: "127.0.0.1", multicast: "239.192.152.143" },
  { host: "::1", multicast: "ff15::efc0:988f" },
] as const;

/** A machine without the family, or whose loopback interface has no way to groups, has nothing to show here. */
async function isPossible(place: typeof PLACES[number]): Promise<boolean> {
  let socket: DatagramSocket | undefined;
  try {
    socket = await denoNetwork.bindDatagram(place);
    await socket.send(NOTHING, { host: place.multicast, port: socket.address.port });
    return true;
  } catch (error) {
    if (error instanceof TransportError) return false;
    throw error;
  } finally {
    socket?.close();
  }
}

for (const place of PLACES) {
  Deno.test(`bindDatagram() lets several sockets hear what is sent to ${place.multicast}`, async () => {
    if (!await isPossible(place)) return;
    const first = await denoNetwork.bindDatagram(place), { port } = first.address;
    assertNotEquals(port, 0);
    const group = { host: place.multicast, port };
    const sockets = [first, await denoNetwork.bindDatagram({ ...place, port })];
    await first.send(new Uint8Array([1]), group);
    await first.send(new Uint8Array([2]), group);
    for (const socket of sockets) {
      assertEquals((await socket.receive(new Uint8Array(8)))?.bytes, new Uint8Array([1]));
      assertEquals((await socket.receive(new Uint8Array(8)))?.bytes, new Uint8Array([2]));
    }
    for (const socket of sockets) {
      const waiting = socket.receive(new Uint8Array(8));
      socket.close();
      socket.close();
      assertEquals(await waiting, null);
    }
    await assertRejects(() => first.send(new Uint8Array([1]), group), TransportError, "Cannot");
  });
}

Deno.test("bindDatagram() tells a group that is none, and an address that is not ours", async () => {
  await assertRejects(() => denoNetwork.bindDatagram({ multicast: "10.0.0.1" }), TransportError, "Cannot");
  await assertRejects(
    () => denoNetwork.bindDatagram({ multicast: "239.192.152.143", host: "192.0.2.1" }),
    TransportError,
    "Cannot join multicast group 239.192.152.143",
  );
});
