/** Who others are by their peer ids, as we read them, and who we are to libtorrent (BEP 20). */
import { assertEquals } from "@std/assert";
import { aria2 } from "./clients/aria2.ts";
import type { Client } from "./clients/client.ts";
import { ctorrent } from "./clients/ctorrent.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { SINGLE } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { until } from "./lab.ts";
import { downloadJob, preparePair, seedJob } from "./pair.ts";

const NAMES: readonly (readonly [client: Client, name: string])[] = [
  [libtorrent, "libtorrent (Rasterbar) 2.0.8"],
  [qbittorrent, "qBittorrent 4.5.2"],
  [transmission, "Transmission 3.00"],
  [aria2, "aria2 1.36.0"],
  // The version is that of its library.
  [rtorrent, "libTorrent (rTorrent) 0.13.8"],
  [ctorrent, "Enhanced CTorrent 3.3"],
];

for (const [client, name] of NAMES) {
  interop(
    `we know ${client.name} by its peer id`,
    { hosts: 3, needs: client.needs, oursOnly: true },
    async (lab) => {
      const pair = await preparePair(lab, SINGLE),
        { address } = await client.start(lab.host(2), seedJob(pair));
      const { process } = await us.start(lab.host(3), downloadJob(pair, address));
      const named = () => process.events().find(({ type }) => type === "peerConnected")?.client;
      await until("we are connected", () => named() !== undefined);
      assertEquals(named(), name);
    },
  );
}

interop("libtorrent reads our peer id as one of Azureus style", { hosts: 3, oursOnly: true }, async (lab) => {
  const pair = await preparePair(lab, SINGLE), seed = await libtorrent.start(lab.host(2), seedJob(pair));
  await us.start(lab.host(3), downloadJob(pair, seed.address));
  const names = () => seed.process.events().flatMap(({ names }) => names as string[] ?? []);
  await until("we are named", () => names().includes("NB 0.1.0"));
});
