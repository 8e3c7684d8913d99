import { assertEquals } from "@std/assert";
import { DhtService } from "../../src/client/dht_service.ts";
import { cryptoRandom } from "../../src/io/chance.ts";
import { systemClock } from "../../src/io/clock.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";

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
