import { assert, assertEquals } from "@std/assert";
import { endpoint, PORT } from "./clients/client.ts";
import { countersOf } from "./clients/libtorrent.ts";
import { CLI } from "./clients/ours.ts";
import { DEAD_TRACKER, FOLDER, LIBTORRENT, PYTHON, SINGLE } from "./contents.ts";
import { interop } from "./interop.ts";
import { command, type Host, type Lab, type Running, until, untilListening } from "./lab.ts";
import { type Pair, preparePair } from "./pair.ts";

/** The size of {@linkcode SINGLE}. */
const LENGTH = SINGLE.files[0]!.length;

/** Our command line on a host, in the clear, listening. */
async function startUs(host: Host, ...args: readonly string[]): Promise<Running> {
  const process = host.spawn("ours", [
    ...CLI,
    ...args,
    ...["--port", String(PORT), "--json", "--no-announce", "--encryption", "disabled"],
  ]);
  await untilListening(process, PORT);
  return process;
}

/** libtorrent over TCP: it tries uTP first, and waits until that fails. */
const TCP = ["--transport", "tcp"];

/** libtorrent that tells everything, in the clear. */
async function startObserver(host: Host, pair: Pair, ...args: readonly string[]): Promise<Running> {
  const folder = args.includes("--folder") ? [] : ["--folder", host.folder("observer")];
  const process = host.spawn("libtorrent", [
    ...[PYTHON, LIBTORRENT, "peer", "--torrent", pair.torrent.path, "--listen", endpoint(host.address)],
    ...["--verbose", "--encryption", "refused", ...folder, ...args],
  ]);
  await untilListening(process, PORT);
  return process;
}

/** A seed by libtorrent of a pair's content. */
function startSeed(host: Host, pair: Pair, ...args: readonly string[]): Promise<Running> {
  return startObserver(host, pair, "--seed", "--folder", pair.seedFolder, ...args);
}

/** Lines of libtorrent's peer log that match. */
function logged(process: Running, pattern: RegExp): string[] {
  const lines = process.events().filter(({ what }) => what === "peer_log").map(({ message }) =>
    String(message)
  );
  return lines.filter((line) => pattern.test(line));
}

async function untilLogged(process: Running, pattern: RegExp, timeoutMs?: number): Promise<void> {
  await until(`libtorrent logs ${pattern}`, () => logged(process, pattern).length > 0, timeoutMs);
}

async function untilComplete(process: Running, timeoutMs = 60_000): Promise<void> {
  const isComplete = () =>
    process.events().some(({ event, type }) => event === "complete" || type === "completed");
  await until(`${process.name} is complete`, isComplete, timeoutMs);
}

const peer = ({ address }: Host): readonly string[] => ["--peer", endpoint(address)];

/** What two libtorrent leechers that know each other took from us, in bytes, until both are complete. */
async function takenFromSeed(lab: Lab, ...args: readonly string[]): Promise<number> {
  const pair = await preparePair(lab, SINGLE),
    [us, ...leechers] = [2, 3, 4].map((number) => lab.host(number));
  await startUs(us!, "seed", pair.torrent.path, pair.seedFolder, "--up-limit", "600K", ...args);
  const processes: Running[] = [];
  for (const [i, host] of leechers.entries()) {
    processes.push(await startObserver(host, pair, ...peer(us!), ...leechers.slice(0, i).flatMap(peer)));
  }
  await Promise.all(processes.map((process) => untilComplete(process)));
  const taken = processes.map((process) => countersOf(process).peers[us!.address]?.downloaded ?? 0);
  return taken.reduce((sum, bytes) => sum + bytes);
}

interop("a super-seed of ours sends two of libtorrent little more than one copy (BEP 16)", {
  hosts: 4,
  oursOnly: true,
}, async (lab) => {
  const taken = await takenFromSeed(lab, "--super-seed");
  // libtorrent's counters miss the last blocks of a connection that has ended.
  assert(taken > 0.9 * LENGTH && taken < 1.25 * LENGTH, `${taken / LENGTH} copies`);
});

interop("libtorrent and we allow each other pieces while choking (BEP 6)", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE), [us, them] = [lab.host(2), lab.host(3)];
  await startUs(us, "seed", pair.torrent.path, pair.seedFolder);
  const leecher = await startObserver(them, pair, ...TCP, ...peer(us));
  await untilComplete(leecher);
  await untilLogged(leecher, /<== ALLOWED_FAST/);
});

interop("we take what libtorrent allows while it chokes us (BEP 6)", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE), [us, them] = [lab.host(2), lab.host(3)];
  const nobodyUnchoked = ["unchoke_slots_limit=0", "unchoke_interval=600", "optimistic_unchoke_interval=600"];
  const settings = [...nobodyUnchoked, "allowed_fast_set_size=10"].flatMap((setting) => ["--set", setting]);
  const seed = await startSeed(them, pair, ...settings, "--choke-local");
  await new Promise((resolve) => setTimeout(resolve, 3000)); // its first round of unchoking, with nobody there; the next is ten minutes later
  const download = await startUs(us, "download", pair.torrent.path, "-o", pair.downloadFolder, ...peer(them));
  const allowed = new Set<number>();
  await until("we have every piece that is allowed", () => {
    for (const line of logged(seed, /==> ALLOWED_FAST/)) {
      allowed.add(Number(/ALLOWED_FAST \[ (\d+)/.exec(line)?.[1]));
    }
    const pieces = download.events().filter(({ type }) => type === "piece").map(({ piece }) => piece);
    return allowed.size > 0 && pieces.length >= allowed.size;
  });
  assertEquals(logged(seed, /==> UNCHOKE|INVALID/), []);
});

/** The content of a pair in a folder of the host, with the last so many bytes missing. */
async function mostOf(host: Host, pair: Pair, missing: number): Promise<readonly string[]> {
  const folder = host.folder("most"), path = `${folder}/${SINGLE.name}`;
  await Deno.copyFile(`${pair.seedFolder}/${SINGLE.name}`, path);
  await Deno.truncate(path, LENGTH - missing);
  return ["--folder", folder];
}

interop("libtorrent hears which pieces we have in memory, and takes no offence (BEP 6)", {
  hosts: 5,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE),
    [us, ...others] = [2, 3, 4, 5].map((number) => lab.host(number));
  await startUs(us!, "seed", pair.torrent.path, pair.seedFolder, "--up-limit", "300K");
  const leechers: Running[] = [];
  for (const host of others) {
    const folder = await mostOf(host, pair, 20 * SINGLE.pieceLength);
    leechers.push(await startObserver(host, pair, ...TCP, ...folder, ...peer(us!)));
  }
  await Promise.all(leechers.map((leecher) => untilComplete(leecher)));
  const suggested = leechers.flatMap((leecher) => logged(leecher, /<== SUGGEST/));
  assert(suggested.length > 0, "nothing was suggested");
  assertEquals(leechers.flatMap((leecher) => logged(leecher, /INVALID/)), []);
});

interop(
  "libtorrent hears that we are a partial seed, and takes what we have (BEP 21)",
  {
    hosts: 4,
    oursOnly: true,
  },
  async (lab) => {
    const pair = await preparePair(lab, FOLDER),
      [seedHost, us, them] = [2, 3, 4].map((number) => lab.host(number));
    const seed = await startSeed(seedHost!, pair);
    const args = ["download", pair.torrent.path, "-o", pair.downloadFolder, "-f", "*z.bin", "--seed"];
    const partial = await startUs(us!, ...args, ...peer(seedHost!));
    await untilComplete(partial);
    await untilLogged(seed, /<== UPLOAD_ONLY|'upload_only': 1/);
    const leecher = await startObserver(them!, pair, ...TCP, ...peer(us!));
    await untilLogged(leecher, /'upload_only': 1/);
    const taken = () => countersOf(leecher).peers[us!.address]?.downloaded ?? 0;
    await until("libtorrent has the file", () => taken() >= 1_048_576 - 2 * FOLDER.pieceLength);
    assertEquals(logged(leecher, /INVALID|ERROR/), []);
  },
);

interop("libtorrent hears when we lose a piece, and takes no offence (BEP 54)", {
  hosts: 4,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE),
    [seedHost, us, them] = [2, 3, 4].map((number) => lab.host(number));
  await startSeed(seedHost!, pair);
  const args = ["download", pair.torrent.path, "-o", pair.downloadFolder, "--seed", "--up-limit", "400K"];
  const ours = await startUs(us!, ...args, ...peer(seedHost!));
  await untilComplete(ours);
  const leecher = await startObserver(them!, pair, ...TCP, ...peer(us!));
  await untilLogged(leecher, /<== PIECE/);
  await Deno.truncate(`${pair.downloadFolder}/${SINGLE.name}`, LENGTH / 2);
  await untilLogged(leecher, /<== DONT_HAVE/);
  await untilLogged(leecher, /<== REJECT_PIECE/);
  await until("we look for what is lost", () => lastState(ours) === "downloading");
  assertEquals(logged(leecher, /INVALID|ERROR/), []);
  assertEquals(leecher.events().filter(({ what }) => what === "peer_disconnected"), []);
});

function lastState(ours: Running): unknown {
  return ours.events().findLast(({ type }) => type === "state")?.state;
}

/** A host that lets in only what it asked for, as behind a firewall. */
async function shut(host: Host): Promise<void> {
  const rules =
    "add table inet wall; add chain inet wall input { type filter hook input priority 0; policy drop; }; " +
    "add rule inet wall input iif lo accept; add rule inet wall input ct state established,related accept; " +
    "add rule inet wall input meta l4proto { icmp, ipv6-icmp } accept";
  await command("ip", ["netns", "exec", host.namespace, "nft", rules]);
}

interop("two of libtorrent behind firewalls meet through us (BEP 55)", {
  hosts: 4,
  needs: ["/usr/sbin/nft"],
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE), [a, us, b] = [2, 3, 4].map((number) => lab.host(number));
  const limits = ["--up-limit", "3K", "--down-limit", "8K"];
  await startUs(us!, "download", pair.torrent.path, "-o", pair.downloadFolder, ...limits);
  for (const host of [a!, b!]) await shut(host);
  await startSeed(a!, pair, ...peer(us!)); // does not hear of the other, and so does not dial it
  const leecher = await startObserver(b!, pair, "--pex", "--set", "peer_connect_timeout=5", ...peer(us!));
  await untilLogged(leecher, /==> HOLEPUNCH.*rendezvous/, 60_000);
  await untilLogged(leecher, /<== HOLEPUNCH.*connect/);
  await untilComplete(leecher, 60_000);
  const fromA = countersOf(leecher).peers[a!.address]?.downloaded ?? 0;
  assert(fromA > LENGTH / 2, `${fromA} bytes came the new way`);
});

interop("of a private torrent libtorrent gets the content from us, and neither peers nor metadata (BEP 27)", {
  hosts: 3,
  oursOnly: true,
}, async (lab) => {
  const [us, them] = [lab.host(2), lab.host(3)], pair = await preparePair(lab, SINGLE);
  const path = `${lab.folder}/private.torrent`, source = `${pair.seedFolder}/${SINGLE.name}`;
  const made = await us.run([...CLI, "create", source, "-o", path, "--private", "-a", DEAD_TRACKER]);
  assertEquals(made.code, 0, made.stderr);
  const hidden = { ...pair, torrent: { ...pair.torrent, path } };
  await startUs(us, "seed", path, pair.seedFolder);
  const leecher = await startObserver(them, hidden, "--pex", ...TCP, ...peer(us));
  await untilComplete(leecher);
  const [handshake = ""] = logged(leecher, /<== EXTENDED_HANDSHAKE/);
  assert(handshake.includes("'lt_donthave'"), handshake);
  for (const word of ["ut_pex", "ut_holepunch", "metadata_size"]) {
    assert(!handshake.includes(word), handshake);
  }
});
