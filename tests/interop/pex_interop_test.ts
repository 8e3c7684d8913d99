/** Peer exchange (BEP 11): two peers that know nobody but a third one find each other through it alone. */
import { assertNotEquals } from "@std/assert";
import { aria2 } from "./clients/aria2.ts";
import { type Client, endpoint } from "./clients/client.ts";
import { libtorrent as silent, startLibtorrent } from "./clients/libtorrent.ts";
import { ours } from "./clients/ours.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { fingerprint, SINGLE } from "./contents.ts";
import { interop } from "./interop.ts";
import type { Host } from "./lab.ts";
import { assertSame, downloadJob, preparePair, seedJob } from "./pair.ts";

const libtorrent: Client = { ...silent, start: (host, job) => startLibtorrent(host, job, { pex: true }) };

/** With so many bytes a second the middle of a chain takes three and a half minutes. */
const SLOW = 15_000;

/** rTorrent talks about peers after one and a half minutes. */
const PATIENCE_MS = 150_000;

/** Who seeds, who knows both, and who downloads. */
interface Chain {
  readonly seed: Client;
  readonly middle: Client;
  readonly downloader: Client;
  readonly isIpv6?: boolean;
}

/** The middle has the content long after the downloader, who must have got it from the seed. */
function testChain({ seed, middle, downloader, isIpv6 = false }: Chain): void {
  const clients = [seed, middle, downloader], needs = clients.flatMap((client) => client.needs);
  const chain = clients.map(({ name }) => name).join(" - ") + (isIpv6 ? ", over IPv6" : "");
  interop(`peer exchange shortens a chain: ${chain}`, { hosts: 4, needs, oursOnly: true }, async (lab) => {
    const pair = await preparePair(lab, SINGLE), folder = lab.host(4).folder("middle");
    const at = ({ address, address6 }: Host) => endpoint(isIpv6 ? address6 : address);
    const middleJob = { ...downloadJob(pair), folder, downloadLimit: SLOW, isIpv6 };
    const ends = { peers: [at(lab.host(2)), at(lab.host(3))] };
    // Not every client can be told an address: either the ends dial, or the middle.
    const isDialled = middle !== ours, told = isDialled ? { peers: [at(lab.host(4))] } : {};
    if (isDialled) await middle.start(lab.host(4), middleJob);
    await seed.start(lab.host(2), { ...seedJob(pair), ...told, isIpv6 });
    const download = await downloader.start(lab.host(3), { ...downloadJob(pair), ...told, isIpv6 });
    if (!isDialled) await middle.start(lab.host(4), { ...middleJob, ...ends });
    await download.complete(PATIENCE_MS);
    await assertSame(pair, downloader);
    const { content } = pair.torrent;
    assertNotEquals(await fingerprint(content, folder), await fingerprint(content, pair.seedFolder));
  });
}

/** No aria2 beside rTorrent, which hangs up on its late bitfields. */
const CLIENTS = [libtorrent, transmission, rtorrent, qbittorrent, aria2];

// aria2 reads from nobody while it is above its own limit, so a slow one may never hear a newcomer: it is no middle.
for (const middle of CLIENTS.filter((client) => client !== aria2)) {
  testChain({ seed: ours, middle, downloader: ours });
}
for (const [index, seed] of CLIENTS.entries()) {
  testChain({ seed, middle: ours, downloader: CLIENTS[(index + 1) % CLIENTS.length]! });
}
testChain({ seed: ours, middle: libtorrent, downloader: ours, isIpv6: true });
testChain({ seed: libtorrent, middle: ours, downloader: libtorrent, isIpv6: true });
