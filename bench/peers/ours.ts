/**
 * This library as a contestant in whole downloads over loopback.
 *
 *   deno run -A bench/peers/ours.ts leech TORRENT DIRECTORY PORT HOST:PORT
 *   deno run -A bench/peers/ours.ts seed TORRENT DIRECTORY PORT
 *
 * A leecher ends when everything is verified and written; a seeder says READY and serves until it is killed.
 */

import { createClient } from "../../mod.ts";

const [mode, torrent, directory, port, peer] = Deno.args;
const client = await createClient({
  host: "127.0.0.1",
  port: Number(port),
  directory: directory!,
  resume: false,
  dht: false,
});
const [host, peerPort] = (peer ?? "").split(":");
const peers = peer === undefined ? [] : [{ host: host!, port: Number(peerPort) }];
const handle = await client.add(await Deno.readFile(torrent!), { announce: false, peers });
if (Deno.env.get("VERBOSE")) {
  (async () => {
    for await (const event of handle.events()) {
      if (event.type !== "piece" && event.type !== "progress" && event.type !== "fileCompleted") {
        console.error(event);
      }
    }
  })();
}
await handle.completed();
if (mode === "seed") {
  console.log("READY");
  await new Promise(() => setInterval(() => {}, 1 << 30));
}
await client.close();
