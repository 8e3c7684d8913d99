import { assert, assertEquals } from "@std/assert";
import { DhtService } from "../../src/client/dht_service.ts";
import { cryptoRandom } from "../../src/io/chance.ts";
import { systemClock } from "../../src/io/clock.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import type { Network } from "../../src/io/transport.ts";
import { seededRandom, VirtualClock, VirtualNetwork } from "../../src/testing/mod.ts";

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

Deno.test("routers whose names could not be looked up at first are found when the network is there", async () => {
  const clock = new VirtualClock(), network = new VirtualNetwork({ clock, link: { latencyMs: 20 } });
  const service = (host: string, routers: readonly string[]) => {
    const surroundings = network.host(host);
    return new DhtService({
      network: surroundings,
      hub: new DatagramHub(surroundings, () => ({ host, port: 6881 })),
      clock,
      random: seededRandom(Number(host.split(".")[2])),
      dht: { routers: routers.map((host) => ({ host, port: 6881 })) },
      port: () => undefined,
      onState: (state) => states.push(state),
      onExternalAddress: () => {},
    });
  };
  const states: string[] = [];
  const services = [
    service("20.0.0.1", ["router.example"]),
    service("20.0.1.1", []),
    service("20.0.2.1", ["20.0.1.1"]),
  ];
  const [node] = (await clock.runUntil(Promise.all(services.map((service) => service.node()))))!;
  await clock.advance(60_000);
  assertEquals(node!.state, "unreachable");
  network.name("router.example", ["20.0.1.1"]);
  await clock.advance(10 * 60_000);
  assertEquals(node!.state, "ready");
  await Promise.all(services.map((service) => service.close()));
  assert(states.length < 100, "nobody tries all the time");
});
