import { assertEquals } from "@std/assert";
import { DhtService } from "../../src/client/dht_service.ts";
import { cryptoRandom } from "../../src/io/chance.ts";
import { systemClock } from "../../src/io/clock.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import type { Network } from "../../src/io/transport.ts";

for (const readOnly of [false, true]) {
  Deno.test(`port() is ${readOnly ? "not told of a node that answers nobody" : "that of the socket"}`, async () => {
    const hub = new DatagramHub(denoNetwork, () => ({ host: "127.0.0.1" }));
    const service = new DhtService({
      network: denoNetwork,
      hub,
      clock: systemClock,
      random: cryptoRandom,
      dht: { routers: [], readOnly },
      port: () => undefined,
      onState: () => {},
      onExternalAddress: () => {},
    });
    assertEquals(await service.port(), undefined);
    await service.node();
    assertEquals(await service.port(), readOnly ? undefined : (await hub.address()).port);
    await service.close();
    await hub.close();
  });
}

Deno.test("close() does not wait for the names of routers", async () => {
  let asked = 0;
  const network: Network = {
    dial: denoNetwork.dial,
    listen: denoNetwork.listen,
    bindDatagram: (options) => denoNetwork.bindDatagram(options),
    fetch: denoNetwork.fetch,
    resolve: (_host, { signal } = {}) =>
      new Promise((_, reject) => {
        asked++;
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
  };
  const hub = new DatagramHub(network, () => ({ host: "127.0.0.1" }));
  const service = new DhtService({
    network,
    hub,
    clock: systemClock,
    random: cryptoRandom,
    dht: { routers: [{ host: "router.example", port: 6881 }], nodes: [{ host: "node.example", port: 6881 }] },
    port: () => undefined,
    onState: () => {},
    onExternalAddress: () => {},
  });
  const node = service.node();
  while (asked < 2) await new Promise((resolve) => setTimeout(resolve));
  await service.close();
  await node.catch(() => {});
  await hub.close();
});
