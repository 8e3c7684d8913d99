import { assertEquals } from "@std/assert";
import { startCapture, TSHARK_NEEDS } from "./clients/capture.ts";
import { endpoint } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { startOpentracker } from "./clients/opentracker.ts";
import { CLI, isCompletion } from "./clients/ours.ts";
import { FOLDER, writeTorrent } from "./contents.ts";
import { interop } from "./interop.ts";
import { type Host, type Running, until, untilListening } from "./lab.ts";
import { assertSame, preparePair, seedJob } from "./pair.ts";

const PROXY_PORT = 1080;

async function startProxy(host: Host): Promise<Running> {
  const script = new URL("./clients/socks5_proxy.ts", import.meta.url).pathname;
  const process = host.spawn("proxy", [...CLI.slice(0, -1), script, host.address, String(PROXY_PORT)]);
  await untilListening(process, PROXY_PORT);
  return process;
}

for (const scheme of ["http", "udp"] as const) {
  const name =
    `through a SOCKS5 proxy we find a seed at a tracker over ${scheme.toUpperCase()}, and nothing goes past it`;
  interop(name, { hosts: 4, needs: TSHARK_NEEDS, oursOnly: true }, async (lab) => {
    const [trackerHost, seedHost, ourHost, proxyHost] = [lab.host(1), lab.host(2), lab.host(3), lab.host(4)];
    const { infoHash = "" } = await writeTorrent(FOLDER, { folder: lab.folder });
    const tracker = await startOpentracker(trackerHost, [infoHash]);
    const pair = await preparePair(lab, FOLDER, tracker[scheme]);
    await libtorrent.start(seedHost, seedJob(pair));
    await until("the tracker knows the seed", async () => await tracker.peerCount(infoHash) === 1);
    const proxy = await startProxy(proxyHost), capture = await startCapture(ourHost);

    const url = `socks5://${endpoint(proxyHost.address, PROXY_PORT)}`;
    const args = ["download", pair.torrent.path, "-o", pair.downloadFolder, "--json", "--proxy", url];
    const ours = ourHost.spawn("ours", [...CLI, ...args]);
    assertEquals(await ours.exitCode(60_000), 0);
    await capture.stop();

    assertEquals(ours.events().some(isCompletion), true);
    await assertSame(pair);
    const asked = new Set(proxy.events().map((event) => event.asked));
    assertEquals(asked.has(`connect ${endpoint(seedHost.address)}`), true);
    const family = `ip.addr == ${proxyHost.address}`;
    assertEquals((await capture.frames(family)).length > 0, true);
    // Neighbours are found by ARP and ICMPv6: that is how a packet to the proxy finds its way.
    assertEquals(await capture.frames(`(ip && !(${family})) || (ipv6 && !icmpv6)`), []);
  });
}
