/**
 * The process under test of `endurance.ts`: seeds one torrent and downloads another for ever.
 *
 *   deno run -A bench/peers/endurance_client.ts TORRENT INTO HOST:PORT SEEDED_TORRENT ITS_FOLDER PORT
 */

import { createClient } from "../../mod.ts";

const [torrent, into, source, seeded, folder, port] = Deno.args.map(String);
const [host, sourcePort] = source!.split(":");
const client = await createClient({ host: "127.0.0.1", port: Number(port), resume: false, dht: false });
const seeding = await client.add(await Deno.readFile(seeded!), { directory: folder!, announce: false });
await seeding.completed();
console.log("READY");
for (;;) {
  const peers = [{ host: host!, port: Number(sourcePort) }];
  const handle = await client.add(await Deno.readFile(torrent!), {
    directory: into!,
    announce: false,
    peers,
  });
  await handle.completed();
  await client.remove(handle);
  await Deno.remove(into!, { recursive: true });
  console.log("DOWNLOADED");
}
