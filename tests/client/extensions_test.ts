import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeUtf8, encodeUtf8 } from "../../src/bytes/text.ts";
import { type ExtensionPeer, LONGEST_PAYLOAD, type PeerExtension } from "../../src/client/peer_extension.ts";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import { DecodeError } from "../../src/errors.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

/** An extension that writes down what happens, and what its partners are. */
class Chat implements PeerExtension<string> {
  readonly name: string = "nb_chat";
  readonly log: string[] = [];
  readonly peers: ExtensionPeer<string>[] = [];

  encode(text: string): Uint8Array {
    return encodeUtf8(text);
  }

  decode(payload: Uint8Array): string | undefined {
    const text = decodeUtf8(payload)!;
    if (text === "break the rules") throw new DecodeError("Cannot decode chat: against the rules");
    if (text === "find my mistake") throw new TypeError("undefined is not a function");
    return text === "" ? undefined : text;
  }

  onPeer(peer: ExtensionPeer<string>): void {
    this.peers.push(peer);
    this.log.push(`+ ${peer.address.host}`);
  }

  onMessage(text: string, peer: ExtensionPeer<string>): void | Promise<void> {
    this.log.push(`${peer.address.host}: ${text}`);
    if (text === "throw") throw new Error("no idea");
    if (text === "reject") return Promise.reject(new Error("no idea, later"));
    if (text === "ping") peer.send("pong");
  }

  onPeerGone(peer: ExtensionPeer<string>): void {
    this.log.push(`- ${peer.address.host}`);
  }
}

interface Talk {
  readonly swarm: VirtualSwarm;
  readonly a: Chat;
  readonly b: Chat;
  readonly handleA: TorrentHandle;
  readonly handleB: TorrentHandle;
}

/** Two connected clients at 10.0.0.1 and 10.0.0.2, each with a chat in the whole client, if it is to have one. */
async function talk(swarm: VirtualSwarm, has: { a?: boolean; b?: boolean } = {}): Promise<Talk> {
  const metainfo = await swarm.torrent(), [a, b] = [new Chat(), new Chat()];
  const one = await swarm.client("10.0.0.1", { extensions: has.a === false ? [] : [a] });
  const two = await swarm.client("10.0.0.2", { extensions: has.b === false ? [] : [b] });
  const handleA = (await swarm.clock.runUntil(one.add(metainfo, { announce: false })))!;
  const peers = [{ host: "10.0.0.1", port: PORT }];
  const handleB = (await swarm.clock.runUntil(two.add(metainfo, { announce: false, peers })))!;
  await swarm.clock.advance(1000);
  return { swarm, a, b, handleA, handleB };
}

/** The warnings, and the reasons of closed connections, from now on. */
function complaintsOf(handle: TorrentHandle): string[] {
  const complaints: string[] = [];
  void (async () => {
    for await (const event of handle.events()) {
      if (event.type === "warning") complaints.push(event.message);
      if (event.type === "peerClosed") complaints.push(`closed: ${event.reason}`);
    }
  })();
  return complaints;
}

Deno.test("PeerExtension carries messages both ways between two clients", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b } = await talk(swarm);
  assertEquals([a.peers.length, b.peers.length], [1, 1]);
  assert(a.peers[0]!.send("ping"));
  assert(b.peers[0]!.send("good day"));
  await swarm.clock.advance(1000);
  assertEquals(a.log, ["+ 10.0.0.2", "10.0.0.2: good day", "10.0.0.2: pong"]);
  assertEquals(b.log, ["+ 10.0.0.1", "10.0.0.1: ping"]);
  assertEquals(a.peers[0]!.infoHash.length, 40);
  assertEquals(a.peers[0]!.peerId.length, 20);
});

Deno.test("PeerExtension is silent with a peer that lacks it, until that one begins to speak it", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b, handleB } = await talk(swarm, { b: false });
  assertEquals(a.log, []);
  handleB.extend(b);
  await swarm.clock.advance(1000);
  assertEquals([a.log, b.log], [["+ 10.0.0.2"], ["+ 10.0.0.1"]]);
  assert(b.peers[0]!.send("ping"));
  await swarm.clock.advance(1000);
  assertEquals(b.log.at(-1), "10.0.0.1: pong");
});

Deno.test("TorrentHandle.extend() on both sides, one after the other, is found by both", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b, handleA, handleB } = await talk(swarm, { a: false, b: false });
  handleA.extend(a);
  await swarm.clock.advance(1000);
  assertEquals(a.log, []);
  handleB.extend(b);
  await swarm.clock.advance(1000);
  assertEquals([a.log, b.log], [["+ 10.0.0.2"], ["+ 10.0.0.1"]]);
});

Deno.test("TorrentHandle.extend() disposed of switches the extension off by id 0, and extend() on again", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b, handleB } = await talk(swarm, { b: false });
  const speaking = handleB.extend(b), [peer] = b.peers;
  await swarm.clock.advance(1000);
  speaking[Symbol.dispose]();
  speaking[Symbol.dispose]();
  await swarm.clock.advance(1000);
  assertEquals(a.log, ["+ 10.0.0.2", "- 10.0.0.2"]);
  assertEquals(b.log, ["+ 10.0.0.1", "- 10.0.0.1"]);
  assertEquals([a.peers[0]!.isListening, a.peers[0]!.send("ping"), peer!.send("ping")], [
    false,
    false,
    false,
  ]);
  handleB.extend(b);
  await swarm.clock.advance(1000);
  assert(a.peers[0]!.send("ping"));
  await swarm.clock.advance(1000);
  assertEquals(a.log, ["+ 10.0.0.2", "- 10.0.0.2", "+ 10.0.0.2", "10.0.0.2: pong"]);
});

Deno.test("PeerExtension hears when a connection ends, however it ends", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b, handleA } = await talk(swarm);
  handleA.pause();
  await swarm.clock.advance(1000);
  assertEquals([a.log, b.log], [["+ 10.0.0.2", "- 10.0.0.2"], ["+ 10.0.0.1", "- 10.0.0.1"]]);
  assertEquals(b.peers[0]!.send("too late"), false);
});

Deno.test("PeerExtension that throws, or rejects, becomes a warning and ends nothing", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b, handleB } = await talk(swarm);
  const complaints = complaintsOf(handleB), [peer] = a.peers;
  for (const text of ["throw", "reject", "find my mistake", "ping", ""]) peer!.send(text);
  await swarm.clock.advance(1000);
  assertEquals(complaints.toSorted(), [
    'extension "nb_chat" failed: no idea',
    'extension "nb_chat" failed: no idea, later',
    'extension "nb_chat" failed: undefined is not a function',
  ]);
  assertEquals(b.log.slice(1), ["10.0.0.1: throw", "10.0.0.1: reject", "10.0.0.1: ping"]);
  assertEquals(a.log.at(-1), "10.0.0.2: pong");
});

Deno.test("PeerExtension is called one at a time, whatever it does in a callback", async () => {
  await using swarm = new VirtualSwarm();
  const { a, handleB, b } = await talk(swarm, { b: false }),
    other = Object.assign(new Chat(), { name: "nb_talk" });
  const speaking = handleB.extend(b), hear = b.onMessage.bind(b);
  b.onMessage = (text, peer) => {
    hear(text, peer);
    handleB.extend(other);
    speaking[Symbol.dispose]();
    b.log.push(`send: ${peer.send("still there?")}`);
  };
  await swarm.clock.advance(1000);
  a.peers[0]!.send("go away");
  await swarm.clock.advance(1000);
  assertEquals(b.log, ["+ 10.0.0.1", "10.0.0.1: go away", "send: false", "- 10.0.0.1"]);
  assertEquals(a.log, ["+ 10.0.0.2", "- 10.0.0.2"]);
});

Deno.test("PeerExtension whose decoder throws DecodeError closes the connection", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b, handleB } = await talk(swarm);
  const complaints = complaintsOf(handleB);
  a.peers[0]!.send("break the rules");
  await swarm.clock.advance(100);
  assertEquals(complaints, ["closed: malformed extension message"]);
  assertEquals(b.log.slice(0, 2), ["+ 10.0.0.1", "- 10.0.0.1"]);
});

Deno.test("ExtensionPeer.send() holds back what a slow peer would choke on, and refuses what is too long", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b } = await talk(swarm);
  const [peer] = a.peers, half = "x".repeat(LONGEST_PAYLOAD / 2);
  assertThrows(() => peer!.send("x".repeat(LONGEST_PAYLOAD + 1)), RangeError, "524289 bytes");
  assertEquals([peer!.send(half), peer!.send("y"), peer!.send(half)], [true, true, false]);
  await swarm.clock.advance(5000);
  assertEquals(b.log.slice(1).map((line) => line.length), [half.length + 10, 11]);
  assert(peer!.send(half));
});

Deno.test("createClient() and extend() refuse names that are invalid or taken", async () => {
  await using swarm = new VirtualSwarm();
  const named = (name: string) => Object.assign(new Chat(), { name });
  for (const name of ["", "xy", "a b", "ünï", "ut_pex", "x".repeat(65)]) {
    await assertRejects(() => swarm.client("10.0.0.9", { extensions: [named(name)] }), TypeError, name);
  }
  await assertRejects(() => swarm.client("10.0.0.9", { extensions: [new Chat(), new Chat()] }), TypeError);
  const { handleA } = await talk(swarm);
  assertThrows(() => handleA.extend(new Chat()), TypeError, "nb_chat");
});

Deno.test("PeerExtension works while a magnet link looks for its metadata, and goes on after", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), [a, b] = [new Chat(), new Chat()];
  const one = await swarm.client("10.0.0.1", { extensions: [a], storage: await swarm.full(metainfo) });
  const two = await swarm.client("10.0.0.2", { extensions: [b] });
  const known = (await swarm.clock.runUntil(one.add(metainfo, { announce: false })))!;
  const link = `magnet:?xt=urn:btih:${known.infoHash}`, peers = [{ host: "10.0.0.1", port: PORT }];
  const handle = (await swarm.clock.runUntil(two.add(link, { announce: false, peers })))!;
  await swarm.clock.runUntil(handle.completed());
  assertEquals([a.log[0], b.log[0]], ["+ 10.0.0.2", "+ 10.0.0.1"]);
});

Deno.test("a client believes what peers of four networks say its address is, and not what one says (BEP 10)", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent(), client = await swarm.client("93.184.1.1"), heard: string[] = [];
  void (async () => {
    for await (const event of client.events()) if (event.type === "externalAddress") heard.push(event.host);
  })();
  await swarm.clock.runUntil(client.add(metainfo, { announce: false }));
  const facts = {
    swarm,
    to: "93.184.1.1",
    infoHash: metainfo.infoHash,
    pieceCount: metainfo.info.pieceCount,
  };
  const peers: ScriptedPeer[] = [];
  for (const [i, yourIp] of ["6.6.6.6", "93.184.1.1", "93.184.1.1", "93.184.1.1"].entries()) {
    peers.push(await ScriptedPeer.connect({ ...facts, host: `93.${i}.1.${i + 2}`, handshake: { yourIp } }));
  }
  // A second word of the same network, and a family in which it does not see us.
  peers.push(await ScriptedPeer.connect({ ...facts, host: "93.3.1.9", handshake: { yourIp: "93.184.1.1" } }));
  peers.push(await ScriptedPeer.connect({ ...facts, host: "93.9.1.8", handshake: { yourIp: "2600:1::1" } }));
  assertEquals(heard, []);
  peers.push(
    await ScriptedPeer.connect({ ...facts, host: "93.10.1.10", handshake: { yourIp: "93.184.1.1" } }),
  );
  assertEquals(heard, ["93.184.1.1"]);
  for (const peer of peers) peer.close();
});
