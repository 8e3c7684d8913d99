/**
 * What the pure floors must answer on every runtime. Bundled into one module and run by Deno, Node, Bun and workerd, so
 * nothing here may know where it runs. The torrents were made by libtorrent 2.0.8, the other values are the BEPs' own.
 */
import { crc32c } from "../../src/bytes/crc32c.ts";
import { sha1Sync } from "../../src/bytes/sha1_sync.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "../../src/bytes/text.ts";
import { decode, encode } from "../../src/bencode/mod.ts";
import {
  createTorrent,
  formatMagnet,
  magnetLink,
  parseMagnet,
  readMetainfo,
} from "../../src/metainfo/mod.ts";
import { decodeCompactPeers, formatPeerAddress, identifyClient, peerPriority } from "../../src/peer/mod.ts";
import { decodeAnnounceResponse, encodeUdpRequest } from "../../src/tracker/mod.ts";
import { allowedFastSet, encodeHandshake } from "../../src/wire/mod.ts";
import { Checks } from "./checks.ts";
import { checkMachines } from "./machines.ts";

/** "hello.txt" with the 14 bytes "Hello, swarm!\n". */
const TORRENT_V1 =
  "64343a696e666f64363a6c656e67746869313465343a6e616d65393a68656c6c6f2e74787431323a7069656365206c65" +
  "6e67746869313633383465363a70696563657332303ad923c34807f4393a3b645a5098b76d5b7d363de86565";
const TORRENT_V2 =
  "64343a696e666f64393a66696c65207472656564393a68656c6c6f2e74787464303a64363a6c656e6774686931346531" +
  "313a70696563657320726f6f7433323a758797dcb0ed4f75b3b8e74696b0779a4d4ea802ac9e2817bc38d16801de3101" +
  "65656531323a6d6574612076657273696f6e693265343a6e616d65393a68656c6c6f2e74787431323a7069656365206c" +
  "656e677468693136333834656531323a7069656365206c6179657273646565";
const TORRENT_HYBRID =
  "64343a696e666f64393a66696c65207472656564393a68656c6c6f2e74787464303a64363a6c656e6774686931346531" +
  "313a70696563657320726f6f7433323a758797dcb0ed4f75b3b8e74696b0779a4d4ea802ac9e2817bc38d16801de3101" +
  "656565363a6c656e6774686931346531323a6d6574612076657273696f6e693265343a6e616d65393a68656c6c6f2e74" +
  "787431323a7069656365206c656e67746869313633383465363a70696563657332303ad923c34807f4393a3b645a5098" +
  "b76d5b7d363de86531323a7069656365206c6179657273646565";

async function hashesOf(torrent: string): Promise<(string | undefined)[]> {
  const { infoHashV1, infoHashV2 } = await readMetainfo(decodeHex(torrent));
  return [infoHashV1, infoHashV2].map((hash) => hash && encodeHex(hash));
}

function checkGround(checks: Checks): void {
  checks.equal("SHA-1", encodeHex(sha1Sync(encodeUtf8("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  checks.equal("CRC32-C", crc32c(encodeUtf8("123456789")), 0xe3069283);
  const bytes = encode({ "b": [1, "two", 2n ** 64n], "a": {} });
  checks.equal(
    "bencode",
    encodeHex(bytes),
    encodeHex(encodeUtf8("d1:ade1:bli1e3:twoi18446744073709551616eee")),
  );
  checks.equal("bencode, again", encodeHex(encode(decode(bytes))), encodeHex(bytes));
}

async function checkMetainfo(checks: Checks): Promise<void> {
  const v1 = "c354dbdbaaf8f4493159cb252e927e4f85483f98";
  const v2 = "d0fa6e81924802a07b5578c76ad96bc71f6ae0f98d4068197864e9d3205a1ddd";
  checks.equal("info hash, v1", await hashesOf(TORRENT_V1), [v1, undefined]);
  checks.equal("info hash, v2", await hashesOf(TORRENT_V2), [undefined, v2]);
  checks.equal("info hash, hybrid", await hashesOf(TORRENT_HYBRID), [
    "2cfe9fa80092b3928c7bb4151dac29dbb159d518",
    "ae9b21cdbdc9889c2010c710ae5c24e15d261bbfc2aa08d55023aa83cd1bf806",
  ]);
  const file = { path: ["hello.txt"], content: new Blob(["Hello, swarm!\n"]) };
  for (
    const [version, torrent] of [["1", TORRENT_V1], ["2", TORRENT_V2], ["hybrid", TORRENT_HYBRID]] as const
  ) {
    const made = await createTorrent([file], { version, pieceLength: 16_384 });
    checks.equal(`a torrent of version ${version}`, await hashesOf(encodeHex(made)), await hashesOf(torrent));
  }
  const metainfo = await readMetainfo(decodeHex(TORRENT_V1));
  checks.equal(
    "magnet of a torrent",
    formatMagnet(magnetLink(metainfo)),
    `magnet:?xt=urn:btih:${v1}&dn=hello.txt`,
  );
  const link = parseMagnet(
    `magnet:?xt=urn:btih:${v1}&dn=a+b&tr=udp%3A%2F%2Ft.example%3A1&x.pe=192.0.2.1:6881`,
  );
  checks.equal("magnet", [link.infoHashV1 && encodeHex(link.infoHashV1), link.name], [v1, "a b"]);
  checks.equal("magnet, its lists", [link.trackers, link.peers], [["udp://t.example:1"], [
    { host: "192.0.2.1", port: 6881 },
  ]]);
}

function checkPeers(checks: Checks): void {
  const peers = decodeCompactPeers(decodeHex("c00002071ae1c63364091ae2"), 4).map(formatPeerAddress);
  checks.equal("compact peers", peers, ["192.0.2.7:6881", "198.51.100.9:6882"]);
  const ours = { host: "123.213.32.10", port: 0 };
  checks.equal("priority", peerPriority(ours, { host: "98.76.54.32", port: 0 }), 0xec2d7224);
  checks.equal("client", identifyClient(encodeUtf8("-TR4060-0123456789ab"))?.name, "Transmission");
  const set = allowedFastSet({
    host: "80.4.4.200",
    infoHash: new Uint8Array(20).fill(0xaa),
    pieceCount: 1313,
    size: 9,
  });
  checks.equal("allowed fast set", set, [1059, 431, 808, 1217, 287, 376, 1188, 353, 508]);
}

function checkTracker(checks: Checks): void {
  const reply = decodeAnnounceResponse(encodeUtf8("d8:intervali1800e5:peers6:\x7f\0\0\x01\x1a\x51e"));
  checks.equal("announce reply", reply.type === "announced" && reply.intervalMs, 1_800_000);
  const request = encodeUdpRequest({ type: "connect", transactionId: 0x01020304 });
  checks.equal("UDP connect", encodeHex(request), "00000417271019800000000001020304");
}

function checkWords(checks: Checks): void {
  const infoHash = new Uint8Array(20).fill(1), peerId = new Uint8Array(20).fill(2);
  const handshake = encodeHandshake({ reserved: new Uint8Array(8), infoHash, peerId });
  const expected = "13426974546f7272656e742070726f746f636f6c" + "00".repeat(8) + "01".repeat(20) +
    "02".repeat(20);
  checks.equal("handshake", encodeHex(handshake), expected);
}

/** Checks everything and answers how many values were right; throws at the first wrong one. */
export async function checkVectors(): Promise<number> {
  const checks = new Checks();
  checkGround(checks);
  await checkMetainfo(checks);
  checkPeers(checks);
  checkTracker(checks);
  checkWords(checks);
  await checkMachines(checks);
  return checks.count;
}
