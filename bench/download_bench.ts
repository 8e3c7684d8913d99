/** A whole download over loopback between two clients of this process, both ends on one thread. `deno task bench`. */

import { createClient, createTorrent } from "../mod.ts";

const LENGTH = 64 * 1024 * 1024;

const folder = await Deno.makeTempDir();
await Deno.mkdir(`${folder}/seed`);
const content = new Uint8Array(LENGTH);
for (let at = 0; at < LENGTH; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
await Deno.writeFile(`${folder}/seed/content.bin`, content);
const torrent = await createTorrent([{ path: ["content.bin"], content }], { pieceLength: 1 << 20 });

const quiet = { host: "127.0.0.1", port: 0, dht: false, resume: false } as const;
const seeder = await createClient({ ...quiet, directory: `${folder}/seed` });
await (await seeder.add(torrent)).completed();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

for (const encryption of ["disabled", "required"] as const) {
  Deno.bench(`64 MiB, encryption ${encryption}`, {
    group: "download",
    baseline: encryption === "disabled",
    n: 5,
  }, async (b) => {
    const directory = await Deno.makeTempDir({ dir: folder });
    const leecher = await createClient({ ...quiet, directory, encryption });
    b.start();
    await (await leecher.add(torrent, { peers: [seeder.address!] })).completed();
    b.end();
    await leecher.close();
    await Deno.remove(directory, { recursive: true });
  });
}
