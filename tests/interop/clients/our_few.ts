/**
 * Our client with few places for peers. It prints {"hosts": [...]} whenever others are connected to it, and
 * {"externalHost": "..."} once it knows where the world sees it.
 *
 *   deno run -A our_few.ts x.torrent FOLDER 52.200.9.7 6881 2
 */
import { createClient } from "../../../src/client/client.ts";
import { readMetainfo } from "../../../src/metainfo/metainfo.ts";

const [path = "", directory = "", host = "", port, places] = Deno.args;
const options = { dht: false, pex: false, resume: false, maxConnectionsPerTorrent: Number(places) } as const;
await using client = await createClient({ ...options, directory, host, port: Number(port) });
const events = client.events(), connected = new Map<string, string>();
await client.add(await readMetainfo(await Deno.readFile(path)));
for await (const event of events) {
  if (event.type === "externalAddress") console.log(JSON.stringify({ externalHost: event.host }));
  if (event.type !== "peerConnected" && event.type !== "peerClosed") continue;
  const { address } = event, key = `${address.host}:${address.port}`;
  if (event.type === "peerConnected") connected.set(key, address.host);
  else connected.delete(key);
  console.log(JSON.stringify({ hosts: [...connected.values()].sort() }));
}
