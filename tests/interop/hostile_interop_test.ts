import { assert, assertEquals } from "@std/assert";
import { libtorrent, startLibtorrent } from "./clients/libtorrent.ts";
import { ours } from "./clients/ours.ts";
import { type RawPeer, startRawPeer } from "./clients/raw.ts";
import type { Misdeed } from "./clients/raw_peer.ts";
import { SINGLE } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Lab, type Running, until } from "./lab.ts";
import { assertSame, downloadJob, type Pair, preparePair, seedJob } from "./pair.ts";

/** Each of these breaks the protocol so that going on makes no sense. A late bitfield does not: aria2 sends them. */
const VIOLATIONS: readonly Misdeed[] = [
  "badProtocol",
  "otherInfoHash",
  "hugeMessage",
  "wrongBitfieldLength",
  "spareBits",
  "haveOutOfRange",
  "shortHave",
  "badExtension",
  "hugeRequest",
];

async function startLiar(
  lab: Lab,
  host: number,
  pair: Pair,
  misdeed: Misdeed,
  more: { readonly pieceLength?: number; readonly rate?: number } = {},
): Promise<RawPeer> {
  const { infoHash, infoHashV2 } = pair.torrent;
  return await startRawPeer(lab.host(host), {
    infoHash: infoHash ?? infoHashV2?.slice(0, 40) ?? "",
    pieceLength: SINGLE.pieceLength,
    path: `${pair.seedFolder}/${SINGLE.name}`,
    misdeed,
    ...more,
  });
}

async function untilLetGo(liar: RawPeer): Promise<void> {
  const isClosed = () => liar.process.events().some((event) => event.event === "closed");
  await until(`${liar.process.name} is let go`, isClosed);
}

/** The events of ours that are about a host and of one of these types. */
function about(process: Running, host: string, ...types: string[]): Record<string, unknown>[] {
  const isAbout = (event: Record<string, unknown>) => JSON.stringify(event).includes(`"${host}"`);
  return process.events().filter((event) => types.includes(event.type as string) && isAbout(event));
}

function assertReason(event: Record<string, unknown> | undefined, what: string): void {
  assert(event !== undefined, `no event tells of ${what}`);
  const reason = event.reason ?? event.error;
  assert(typeof reason === "string" && reason !== "", `no reason in ${JSON.stringify(event)}`);
}

interop(
  "of v2 pieces that a good peer and a liar sent, libtorrent is asked for the hashes of blocks, and the liar is banned",
  {
    hosts: 4,
    oursOnly: true,
  },
  async (lab) => {
    // Pieces of many blocks, so that both send of each.
    const pieceLength = 1024 * 1024, files = [{ path: [], length: 3 * pieceLength }];
    const pair = await preparePair(lab, { ...SINGLE, pieceLength, files }, undefined, "2");
    const liar = await startLiar(lab, 4, pair, "corrupt", { pieceLength, rate: 300_000 });
    const seed = await startLibtorrent(lab.host(2), { ...seedJob(pair), uploadLimit: 500_000 }, {
      verbose: true,
    });
    const download = await us.start(lab.host(3), downloadJob(pair, seed.address, liar.address));
    await download.complete();
    await assertSame(pair, us);
    assertEquals(about(download.process, lab.host(2).address, "peerBanned"), [], "the good seed was banned");
    assertEquals(about(download.process, lab.host(4).address, "peerBanned").length, 1);
    const said = seed.process.events().map(({ message }) => String(message));
    for (const way of ["<== HASH_REQUEST", "==> HASHES"]) {
      assert(said.some((line) => line.includes(`${way} [ file: 0 base: 0 `)), `no ${way} of leaves`);
    }
  },
);

interop("a peer that sends wrong data is banned and the download completes from a good one", {
  hosts: 4,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const liar = await startLiar(lab, 4, pair, "corrupt");
  // The good seed comes later and dials, so that at first every piece comes from the liar.
  const download = await us.start(lab.host(3), downloadJob(pair, liar.address));
  await untilLetGo(liar);
  await libtorrent.start(lab.host(2), { ...seedJob(pair), peers: [download.address] });
  await download.complete();
  await assertSame(pair, us);
  if (us === ours) assertReason(about(download.process, lab.host(4).address, "peerBanned")[0], "the ban");
  const sent = liar.process.events().filter((event) => event.event === "sent").length;
  assert(sent >= 4, `the liar sent ${sent} blocks only`);
});

interop("wrong data mixed with good data from another peer neither spoils nor stops the download", {
  hosts: 4,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const liar = await startLiar(lab, 4, pair, "corrupt");
  const seed = await libtorrent.start(lab.host(2), { ...seedJob(pair), uploadLimit: 1_000_000 });
  const download = await us.start(lab.host(3), downloadJob(pair, seed.address, liar.address));
  await download.complete();
  await assertSame(pair, us);
  const banned = about(download.process, lab.host(2).address, "peerBanned");
  assertEquals(banned, [], "the good seed was banned");
});

interop("peers that break the rules are closed, each with a reason, and the download completes", {
  hosts: 3 + VIOLATIONS.length,
  oursOnly: true,
}, async (lab) => {
  const pair = await preparePair(lab, SINGLE);
  const seed = await libtorrent.start(lab.host(2), { ...seedJob(pair), uploadLimit: 500_000 });
  const liars = await Promise.all(
    VIOLATIONS.map((misdeed, index) => startLiar(lab, 4 + index, pair, misdeed)),
  );
  const peers = [...liars.map((liar) => liar.address), seed.address];
  const download = await us.start(lab.host(3), downloadJob(pair, ...peers));
  for (const [index, liar] of liars.entries()) {
    await untilLetGo(liar);
    // Who fails in the handshake was never a peer: the dial failed.
    const types = ["peerClosed", "peerBanned", "dialFailed"];
    const events = () => about(download.process, lab.host(4 + index).address, ...types);
    await until(`an event tells of ${VIOLATIONS[index]}`, () => events().length > 0);
    assertReason(events()[0], `${VIOLATIONS[index]}`);
  }
  await download.complete();
  await assertSame(pair, us);
});
