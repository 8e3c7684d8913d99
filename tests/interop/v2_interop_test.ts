/** BitTorrent v2 (BEP 52) with libtorrent and qBittorrent: v2-only and hybrid torrents, from files and from links, both ways. */
import { libtorrent } from "./clients/libtorrent.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { FOLDER, SINGLE } from "./contents.ts";
import { interop } from "./interop.ts";
import { directions, transferDirectly } from "./matrix.ts";
import { preparePair } from "./pair.ts";

for (const client of [libtorrent, qbittorrent]) {
  for (const { title, roles } of directions(client)) {
    for (const content of [SINGLE, FOLDER]) {
      for (const version of ["2", "hybrid"] as const) {
        interop(
          `${title}: ${content.label}, version ${version}`,
          { hosts: 3, needs: client.needs },
          async (lab) => {
            await transferDirectly(lab, roles, await preparePair(lab, content, undefined, version));
          },
        );
      }
    }
  }
}
