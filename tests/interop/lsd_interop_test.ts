/** Local service discovery (BEP 14) on one network without a tracker: clients hear us, and we hear them. */
import { assertEquals } from "@std/assert";
import { aria2 } from "./clients/aria2.ts";
import type { Client } from "./clients/client.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import { ours } from "./clients/ours.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { PYTHON, SINGLE } from "./contents.ts";
import { interop } from "./interop.ts";
import { type Host, type Running, until } from "./lab.ts";
import { assertSame, downloadJob, preparePair, seedJob } from "./pair.ts";

const EAR = new URL("./clients/lsd_ear.py", import.meta.url).pathname;

/** Announces come in bursts, of libtorrent with four seconds between; the next burst is five minutes away. */
const QUIET_MS = 6000;

async function startEar(host: Host): Promise<Running> {
  const ear = host.spawn("ear", [PYTHON, EAR, "eth0"]);
  await until("somebody listens to the groups", () => ear.events().length > 0);
  return ear;
}

function announcesOf(ear: Running, host: string): readonly Record<string, unknown>[] {
  return ear.events().filter((event) => event.event === "announce" && event.host === host);
}

/** Waits until a host has announced, and is done with it for minutes. */
async function untilSilent(ear: Running, host: string): Promise<void> {
  let count = 0, since = performance.now();
  await until(`${host} has announced`, () => {
    const now = announcesOf(ear, host).length;
    if (now > count) since = performance.now();
    count = now;
    return count > 0 && performance.now() - since > QUIET_MS;
  }, 60_000);
}

/** The one that is silent when the other comes must hear it: nothing else can bring them together. */
function testNeighbours(first: Client, second: Client, { isIpv6 = false } = {}): void {
  const [hearer, heard] = first === ours ? ["we hear", second.name] : [`${first.name} hears`, "us"];
  const needs = [...first.needs, ...second.needs];
  const name = `${hearer} ${heard} in the local network${isIpv6 ? ", over IPv6" : ""}`;
  interop(name, { hosts: 3, needs, oursOnly: true }, async (lab) => {
    const pair = await preparePair(lab, SINGLE), ear = await startEar(lab.host(1));
    const addresses = [2, 3].map((number) => isIpv6 ? lab.host(number).address6 : lab.host(number).address);
    await first.start(lab.host(2), { ...seedJob(pair), isIpv6, lsd: true });
    await untilSilent(ear, addresses[0]!);
    const before = announcesOf(ear, addresses[0]!).length;
    const download = await second.start(lab.host(3), { ...downloadJob(pair), isIpv6, lsd: true });
    await download.complete();
    await assertSame(pair, second);
    assertEquals(announcesOf(ear, addresses[0]!).length, before, "the first one announced again");
  });
}

for (const client of [libtorrent, qbittorrent, transmission, aria2]) {
  for (const isIpv6 of client === libtorrent ? [false, true] : [false]) {
    testNeighbours(ours, client, { isIpv6 });
    testNeighbours(client, ours, { isIpv6 });
  }
}
