import { assertEquals } from "@std/assert";
import { clientName } from "../../src/client/client_name.ts";
import type { TorrentEvent } from "../../src/client/events.ts";
import { decodeByteString } from "../../src/bytes/text.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { VirtualSwarm } from "./virtual_swarm.ts";

const TRANSMISSION = decodeByteString("-TR4060-abcdefghijkl");

Deno.test("clientName() takes what the peer says of itself, in one short line, before what its id tells", () => {
  assertEquals(clientName("µTorrent 3.5.5", TRANSMISSION), "µTorrent 3.5.5");
  assertEquals(clientName(undefined, TRANSMISSION), "Transmission 4.0.6");
  assertEquals(clientName("  a\x1b[31m\r\nb\u202e \u2028c\0 ", TRANSMISSION), "a[31m b c");
  for (const nothing of ["", " \n\t", "\0\u200b"]) {
    assertEquals(clientName(nothing, TRANSMISSION), "Transmission 4.0.6");
  }
  assertEquals(clientName("x".repeat(1_000_000), TRANSMISSION), "x".repeat(64));
  assertEquals(clientName("😀".repeat(100), TRANSMISSION), "😀".repeat(64));
  assertEquals(clientName(undefined, new Uint8Array(20)), undefined);
});

Deno.test("TorrentHandle.peers() and events tell which software a peer runs, as its handshake says (BEP 10, 20)", async () => {
  await using swarm = new VirtualSwarm();
  const metainfo = await swarm.torrent({ pieceLength: 16384 }), events: TorrentEvent[] = [];
  const client = await swarm.client("10.0.0.1", { storage: await swarm.full(metainfo) });
  const handle = (await swarm.clock.runUntil(client.add(metainfo, { announce: false })))!;
  void (async () => {
    for await (const event of handle.events()) events.push(event);
  })();
  assertEquals(handle.peers(), []);
  await swarm.clock.runUntil(handle.completed());
  const facts = { swarm, to: "10.0.0.1", infoHash: metainfo.infoHash, pieceCount: metainfo.info.pieceCount };
  const named = await ScriptedPeer.connect({
    ...facts,
    host: "10.0.0.2",
    extensions: ["lt_donthave"],
    handshake: { client: "Ab\x07c 1.0" },
  });
  named.extend({ type: "extensionHandshake", client: "another" });
  const mute = await ScriptedPeer.connect({ ...facts, host: "10.0.0.3" });
  for (const peer of [named, mute]) peer.say({ type: "haveNone" });
  named.say({ type: "have", piece: 2 });
  await swarm.clock.advance(1000);
  assertEquals(
    handle.peers().map(({ address: { host }, direction, client, pieces }) => ({
      host,
      direction,
      client,
      pieces,
    })),
    [
      { host: "10.0.0.2", direction: "incoming", client: "another", pieces: 1 },
      { host: "10.0.0.3", direction: "incoming", client: undefined, pieces: 0 },
    ],
  );
  const told = events.filter((event) => event.type === "peerIdentified");
  assertEquals(told.map(({ address: { host }, client }) => [host, client]), [["10.0.0.2", "Abc 1.0"]]);
  for (const peer of [named, mute]) peer.close();
  await swarm.clock.advance(1000);
  assertEquals(handle.peers(), []);
});
