/**
 * This library's DHT node as a contestant: answers whoever asks, without its limits on how much one source may ask.
 *
 *   deno run -A --unstable-net bench/peers/dht_node.ts PORT
 */

import { randomBytes } from "../../src/bytes/random.ts";
import { cryptoRandom } from "../../src/io/chance.ts";
import { systemClock } from "../../src/io/clock.ts";
import { DatagramHub } from "../../src/io/datagram_hub.ts";
import { denoNetwork } from "../../src/io/deno/network.ts";
import { DhtRunner } from "../../src/io/dht_runner.ts";

const hub = new DatagramHub(denoNetwork, () => ({ host: "127.0.0.1", port: Number(Deno.args[0]) }));
const node = await DhtRunner.start({
  hub,
  clock: systemClock,
  random: cryptoRandom,
  nodeId: randomBytes(cryptoRandom, 20),
  limits: { burst: 1e9, queriesPerSecond: 1e9, replyBytesPerSecond: 1e12 },
});
console.log("READY");
setInterval(
  () => console.error(Math.round(Deno.memoryUsage().rss / 2 ** 20), "MiB", JSON.stringify(node.stats())),
  10_000,
);
