import { assertEquals } from "@std/assert";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { magnetLink } from "../../src/metainfo/magnet.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

const OURS = { host: "10.0.0.1", port: PORT };

/** Why dials came to nothing. */
function failures(handle: TorrentHandle): string[] {
  const seen: string[] = [];
  void (async () => {
    for await (const event of handle.events()) {
      if (event.type === "dialFailed") seen.push(event.error.message);
    }
  })();
  return seen;
}

for (const encryption of ["disabled", "allowed", "required"] as const) {
  Deno.test(`a client that is told its own address dials it once and never again (encryption ${encryption})`, async () => {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent(), tracker = swarm.tracker("10.0.0.9", [OURS]);
    const trackers = [[tracker.url]];
    for (
      const source of [{ ...metainfo, announce: trackers }, {
        ...magnetLink(metainfo),
        trackers: [tracker.url],
      }]
    ) {
      const client = await swarm.client(OURS.host, { encryption });
      const handle = (await swarm.clock.runUntil(client.add(source)))!, seen = failures(handle);
      await swarm.clock.advance(3 * 3_600_000);
      assertEquals(seen, [`Cannot talk to ${OURS.host}:${PORT}: connected to itself`]);
      assertEquals(handle.status().peers, 0);
      await swarm.clock.runUntil(client.close());
    }
  });
}
