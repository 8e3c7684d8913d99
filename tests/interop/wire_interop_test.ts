/** What we say on the wire, as tshark decodes it and libtorrent judges it: message numbers and reserved bits (BEP 3, 4, 6, 10). */
import { assert, assertEquals } from "@std/assert";
import { type Capture, startCapture, TSHARK_NEEDS } from "./clients/capture.ts";
import type { Client, Job, Sharing } from "./clients/client.ts";
import { libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { FOLDER } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { Lab, type Running, until } from "./lab.ts";
import { assertSame, downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

/** libtorrent that tells everything it sees, and speaks in the clear. */
const OBSERVER: Client = {
  ...libtorrent,
  start: (host, job) =>
    startLibtorrent(host, job, { transport: "tcp", encryption: "refused", verbose: true }),
};

/** We, in the clear. */
const PLAIN: Client = { ...us, start: (host, job) => us.start(host, { ...job, encryption: "refused" }) };

/** One gets everything from the other, the metadata first; then the downloader leaves, and the seed sees that. */
async function transfer(lab: Lab, seed: Client, downloader: Client): Promise<readonly [Sharing, Sharing]> {
  const pair: Pair = await preparePair(lab, FOLDER), magnet = `magnet:?xt=urn:btih:${pair.torrent.infoHash}`;
  const seeding = await seed.start(lab.host(2), seedJob(pair));
  const job: Job = { ...downloadJob(pair, seeding.address), magnet };
  const download = await downloader.start(lab.host(3), job);
  await download.complete();
  await assertSame(pair);
  return [seeding, download];
}

/** How many messages of each type a host sent, by their numbers on the wire. */
async function messages(capture: Capture, host: string): Promise<ReadonlyMap<number, number>> {
  const lines = await capture.frames(`bittorrent.msg.type && ip.src == ${host}`, "bittorrent.msg.type");
  const counts = new Map<number, number>();
  for (const type of lines.flatMap((line) => line.split(",").map(Number))) {
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

const UNCHOKE = 1, INTERESTED = 2, HAVE = 4, REQUEST = 6, PIECE = 7, HAVE_ALL = 14, HAVE_NONE = 15;
const EXTENDED = 20;

/** Blocks of 16 KiB, the last of each piece perhaps shorter. */
const BLOCK_COUNT = 90;

/** A busy machine gives the recorder no time once in a few dozen runs, and twice in a row next to never. */
const MOST_ATTEMPTS = 4;

/** A transfer in a lab of its own, recorded on host `number` without losing a frame; `judge` sees the recording. */
async function record(
  { seed, downloader, number }: { seed: Client; downloader: Client; number: 2 | 3 },
  judge: (capture: Capture, address: string) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    await using lab = await Lab.open(3);
    const host = lab.host(number), capture = await startCapture(host);
    const sharing = await transfer(lab, seed, downloader);
    await sharing[number - 2]!.process.stop();
    if (await capture.stop() === 0) return await judge(capture, host.address);
  }
  throw new Error(`Cannot record: the recorder was too slow ${MOST_ATTEMPTS} times`);
}

interop("tshark understands every message of ours while we download", {
  hosts: 0,
  needs: TSHARK_NEEDS,
  oursOnly: true,
}, async () => {
  await record({ seed: OBSERVER, downloader: PLAIN, number: 3 }, async (capture, address) => {
    assertEquals(await capture.frames("_ws.malformed"), []);
    const sent = await messages(capture, address);
    const counts = [HAVE_NONE, INTERESTED, REQUEST].map((type) => sent.get(type));
    assertEquals(counts, [1, 1, BLOCK_COUNT]);
    // Our handshake and a request for the only block of the metadata, which all have one type on the wire.
    assert(sent.get(EXTENDED)! >= 2 && sent.get(HAVE)! > 0, `${[...sent]}`);
    const isKnown = (type: number) => type <= 9 || type >= 13 && type <= 17 || type === EXTENDED;
    assertEquals([...sent.keys()].filter((type) => !isKnown(type)), []);
  });
});

interop("tshark understands every message of ours while we seed", {
  hosts: 0,
  needs: TSHARK_NEEDS,
  oursOnly: true,
}, async () => {
  await record({ seed: PLAIN, downloader: OBSERVER, number: 2 }, async (capture, address) => {
    assertEquals(await capture.frames("_ws.malformed"), []);
    const sent = await messages(capture, address);
    assertEquals([HAVE_ALL, UNCHOKE, PIECE].map((type) => sent.get(type)), [1, 1, BLOCK_COUNT]);
    assertEquals(sent.has(REQUEST), false);
  });
});

/** Kinds of alerts that accuse a peer, or tell of its mistakes. */
const ACCUSATION =
  /^(peer_error|peer_ban|peer_snubbed|invalid_request|hash_failed|unwanted_block|request_dropped|block_timeout)/;

/** Words of libtorrent's log for what should not come, or what it has no use for. */
const COMPLAINT = /ERROR|INVALID|ILLEGAL|UNKNOWN|MALFORMED|REJECT|SNUB|BAN|TIMEOUT|REDUNDANT|DUPLICATE/;

/** How a connection ends when one side leaves. */
const GOODBYE = /End of file|Connection refused|Connection reset by peer|Broken pipe/;

/** What libtorrent holds against its peers. */
function complaints(process: Running): readonly string[] {
  const alerts = process.events().filter(({ event }) => event === "alert");
  return alerts.flatMap(({ what, message }) => {
    const text = String(message).replaceAll("client: Unknown", ""); // before the handshake
    const isBad = ACCUSATION.test(String(what)) || what === "peer_disconnected" ||
      what === "peer_log" && COMPLAINT.test(text);
    return isBad && !GOODBYE.test(text) ? [`${what}: ${text}`] : [];
  });
}

/** Our messages that libtorrent logged, by the names it gives them. */
function heard(process: Running): ReadonlySet<string> {
  const names = process.events().flatMap(({ what, message }) =>
    what === "peer_log" ? /<== ([A-Z_]+)/.exec(String(message))?.[1] ?? [] : []
  );
  return new Set(names);
}

async function untilLeft(observer: Running): Promise<void> {
  const hasLeft = () => observer.events().some(({ what }) => what === "peer_disconnected");
  await until("libtorrent sees us leave", hasLeft);
}

interop(
  "libtorrent has no complaint about us while we download",
  { hosts: 3, oursOnly: true },
  async (lab) => {
    const [{ process }, download] = await transfer(lab, OBSERVER, PLAIN);
    await download.process.stop();
    await untilLeft(process);
    assertEquals(complaints(process), []);
    for (const name of ["EXTENDED_HANDSHAKE", "HAVE_NONE", "INTERESTED", "REQUEST", "HAVE"]) {
      assert(heard(process).has(name), `no ${name} in ${[...heard(process)]}`);
    }
  },
);

interop("libtorrent has no complaint about us while we seed", { hosts: 3, oursOnly: true }, async (lab) => {
  const [seed, { process }] = await transfer(lab, PLAIN, OBSERVER);
  await seed.process.stop();
  await untilLeft(process);
  assertEquals(complaints(process), []);
  for (const name of ["EXTENDED_HANDSHAKE", "HAVE_ALL", "UNCHOKE", "PIECE"]) {
    assert(heard(process).has(name), `no ${name} in ${[...heard(process)]}`);
  }
});
