/** The machines of floor 3 and the tracker server, each led through a short conversation. */
import { createExpandedSigner, createSigner, DhtNode, verifyEd25519 } from "../../src/dht/mod.ts";
import { MseHandshake, SkeyIndex } from "../../src/mse/mod.ts";
import { createHttpTracker } from "../../src/server/mod.ts";
import { VirtualClock, VirtualNetwork } from "../../src/testing/mod.ts";
import { Torrent, uniformGeometry } from "../../src/torrent/mod.ts";
import { Connection, encodeHandshake } from "../../src/wire/mod.ts";
import type { Checks } from "./checks.ts";

/** Not for keys: it is the same in every run, which is the point. */
function sequence(): () => number {
  let state = 1;
  return () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
}

const INFO_HASH = new Uint8Array(20).fill(7);

function checkWire(checks: Checks): void {
  const peerId = new Uint8Array(20).fill(2);
  const connection = new Connection(
    { direction: "outgoing", peerId, infoHash: INFO_HASH, pieceCount: 10 },
    0,
  );
  const greeting = connection.handle({ type: "tick" }, 0).find((effect) => effect.type === "write");
  checks.equal("greeting", greeting && greeting.bytes.length >= 68, true);
  const answer = encodeHandshake({
    reserved: new Uint8Array(8),
    infoHash: INFO_HASH,
    peerId: new Uint8Array(20).fill(3),
  });
  const effects = connection.handle({ type: "bytes", bytes: answer }, 1);
  checks.equal("open", effects.some((effect) => effect.type === "open"), true);
}

function checkMse(checks: Checks): void {
  const torrents = new SkeyIndex(), random = sequence();
  torrents.add(INFO_HASH);
  const policy = "required";
  const dialler = new MseHandshake({ direction: "outgoing", infoHash: INFO_HASH, policy, random }, 0);
  const listener = new MseHandshake({ direction: "incoming", policy, random }, 0);
  const [key] = dialler.handle({ type: "tick" }, 0);
  const [answer] = key?.type === "write" ? listener.handle({ type: "bytes", bytes: key.bytes }, 0) : [];
  const [offer] = answer?.type === "write" ? dialler.handle({ type: "bytes", bytes: answer.bytes }, 0) : [];
  const [asked] = offer?.type === "write" ? listener.handle({ type: "bytes", bytes: offer.bytes }, 0) : [];
  const infoHash = asked?.type === "skey" ? torrents.find(asked.hash) : undefined;
  checks.equal("MSE asks for the torrent", infoHash && [...infoHash], [...INFO_HASH]);
  const [, open] = listener.handle({ type: "accept", infoHash: infoHash! }, 0);
  checks.equal("MSE agrees on RC4", open?.type === "open" && open.method, "rc4");
}

function checkTorrent(checks: Checks): void {
  const torrent = new Torrent({
    geometry: uniformGeometry(20_000, 32_768),
    peerId: new Uint8Array(20),
    random: sequence(),
    buffers: { take: (length) => new Uint8Array(length), give: () => {} },
  }, 0);
  const peer = 1, address = { host: "192.0.2.7", port: 6881 };
  const peerId = new Uint8Array(20).fill(3);
  const flags = { fast: true, extended: true, allowedFast: [] };
  torrent.handle({ type: "peerConnected", peer, address, direction: "outgoing", peerId, ...flags }, 0);
  torrent.handle({ type: "peerMessage", peer, message: { type: "haveAll" } }, 1);
  const requests = torrent.handle({ type: "peerMessage", peer, message: { type: "unchoke" } }, 2);
  checks.equal("requests", requests.map((effect) => effect.type === "send" && effect.message), [
    { type: "request", piece: 0, begin: 0, length: 16_384 },
    { type: "request", piece: 0, begin: 16_384, length: 3616 },
  ]);
}

async function checkDht(checks: Checks): Promise<void> {
  const node = new DhtNode({ random: sequence(), nodes: [{ host: "192.0.2.1", port: 6881 }] }, 0);
  const sent = node.handle({ type: "tick" }, 0).filter((effect) => effect.type === "send");
  checks.equal("a DHT node asks the node it knows", sent.map((effect) => effect.to.host), ["192.0.2.1"]);
  const signer = await createSigner(new Uint8Array(32).fill(9));
  const message = new Uint8Array([1, 2, 3]);
  const signature = await signer.sign(message);
  const isRight = await verifyEd25519(signer.publicKey, signature, message);
  checks.equal("Ed25519", isRight, true);
  const expanded = await createExpandedSigner(new Uint8Array(64).fill(64));
  const isAlsoRight = await verifyEd25519(expanded.publicKey, await expanded.sign(message), message);
  checks.equal("Ed25519 with an expanded key", isAlsoRight, true);
}

async function checkServer(checks: Checks): Promise<void> {
  const tracker = createHttpTracker();
  const query = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-XX0001-000000000000&port=6881&left=0&compact=0";
  const answer = await tracker(new Request(`http://tracker.example/announce?${query}`), {
    remoteAddr: { hostname: "192.0.2.1" },
  });
  checks.equal("the tracker server counts a seed", (await answer.text()).includes("8:completei1e"), true);
}

async function checkTestKit(checks: Checks): Promise<void> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock, seed: 1, link: { latencyMs: 100 } });
  const listener = await network.host("10.0.0.2").listen({ port: 6881 });
  const dialled = await clock.runUntil(network.host("10.0.0.1").dial(listener.address));
  checks.equal("a virtual connection", dialled !== undefined && clock.now() > 0, true);
}

/** Leads every machine through its conversation. */
export async function checkMachines(checks: Checks): Promise<void> {
  checkWire(checks);
  checkMse(checks);
  checkTorrent(checks);
  await checkDht(checks);
  await checkServer(checks);
  await checkTestKit(checks);
}
