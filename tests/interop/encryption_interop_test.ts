import { aria2 } from "./clients/aria2.ts";
import type { Client } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { FOLDER } from "./contents.ts";
import { interop } from "./interop.ts";
import { directions, transferDirectly } from "./matrix.ts";
import { preparePair } from "./pair.ts";

const CLIENTS: readonly Client[] = [libtorrent, qbittorrent, rtorrent, aria2, transmission];

/** The same client with an opinion about encryption. */
function withOpinion(client: Client, encryption: "required" | "refused"): Client {
  return {
    ...client,
    name: `${client.name}, encryption ${encryption}`,
    start: (host, job) => client.start(host, { ...job, encryption }),
  };
}

for (const client of CLIENTS) {
  for (const opinion of client.encryption) {
    for (const { title, roles } of directions(withOpinion(client, opinion))) {
      interop(title, { hosts: 3, needs: client.needs, oursOnly: true }, async (lab) => {
        await transferDirectly(lab, roles, await preparePair(lab, FOLDER));
      });
    }
  }
}
