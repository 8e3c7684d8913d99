import { assertEquals } from "@std/assert";
import type { TorrentHandle } from "../../src/client/torrent_handle.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type { ExtensionMessage, ExtensionName } from "../../src/wire/extensions.ts";
import { HOLEPUNCH_ERRORS } from "../../src/wire/messages/holepunch.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { PORT, VirtualSwarm } from "./virtual_swarm.ts";

/** A relay at 10.0.0.1 and two peers, at 10.0.0.2 and 10.0.0.3, that dialled it. */
async function meeting(
  swarm: VirtualSwarm,
  options: { metainfo?: Metainfo; extensions?: readonly ExtensionName[]; pex?: boolean } = {},
): Promise<{ relay: TorrentHandle; a: ScriptedPeer; b: ScriptedPeer }> {
  const metainfo = options.metainfo ?? await swarm.torrent();
  const client = await swarm.client("10.0.0.1", { pex: options.pex ?? true });
  const relay = (await swarm.clock.runUntil(client.add(metainfo, { announce: false })))!;
  await swarm.clock.runUntil(relay.checked());
  const facts = { swarm, to: "10.0.0.1", infoHash: metainfo.infoHash, pieceCount: metainfo.info.pieceCount };
  const handshake = { listenPort: PORT };
  const a = await ScriptedPeer.connect({
    ...facts,
    host: "10.0.0.2",
    handshake,
    extensions: ["ut_holepunch"],
  });
  const { extensions = ["ut_holepunch"] } = options;
  const b = await ScriptedPeer.connect({ ...facts, host: "10.0.0.3", handshake, extensions });
  for (const peer of [a, b]) peer.say({ type: "haveNone" });
  await swarm.clock.advance(1000);
  return { relay, a, b };
}

const at = (host: string) => ({ host, port: PORT });

/** What a peer heard of hole punching. */
function heard({ extensions }: ScriptedPeer): ExtensionMessage[] {
  return extensions.filter(({ type }) => type.startsWith("holepunch"));
}

Deno.test("a client relays a rendezvous: connect to both, each with where the other listens", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b } = await meeting(swarm);
  a.extend({ type: "holepunchRendezvous", address: at("10.0.0.3") });
  await swarm.clock.advance(1000);
  assertEquals(heard(a), [{ type: "holepunchConnect", address: at("10.0.0.3") }]);
  assertEquals(heard(b), [{ type: "holepunchConnect", address: at("10.0.0.2") }]);
});

Deno.test("a client answers a rendezvous that cannot be with the error of BEP 55", async () => {
  await using swarm = new VirtualSwarm();
  const { a, b } = await meeting(swarm, { extensions: [] });
  for (const host of ["10.0.0.3", "10.0.0.9", "127.0.0.1", "10.0.0.2"]) {
    a.extend({ type: "holepunchRendezvous", address: at(host) });
  }
  await swarm.clock.advance(1000);
  const { noSupport, notConnected, noSuchPeer, noSelf } = HOLEPUNCH_ERRORS;
  assertEquals(
    heard(a).map((message) => message.type === "holepunchError" && [message.address.host, message.code]),
    [["10.0.0.3", noSupport], ["10.0.0.9", notConnected], ["127.0.0.1", noSuchPeer], ["10.0.0.2", noSelf]],
  );
  assertEquals(heard(b), []);
});

Deno.test("a client brings nobody together for a private torrent, nor if its user wants no such thing", async () => {
  for (const isPrivate of [true, false]) {
    await using swarm = new VirtualSwarm();
    const metainfo = await swarm.torrent({ private: isPrivate });
    const { a, b } = await meeting(swarm, { metainfo, pex: isPrivate });
    a.extend({ type: "holepunchRendezvous", address: at("10.0.0.3") });
    await swarm.clock.advance(1000);
    assertEquals([heard(a), heard(b)], [[], []]);
    assertEquals(
      a.extensions.some((message) =>
        message.type === "extensionHandshake" && message.ids?.has("ut_holepunch")
      ),
      false,
    );
  }
});

Deno.test("a client that is called to a peer dials it, unless it is there already, and says nothing to the relay", async () => {
  await using swarm = new VirtualSwarm();
  const { relay, a } = await meeting(swarm), dialled: string[] = [];
  void (async () => {
    for await (const event of relay.events()) {
      if (event.type === "dialFailed") dialled.push(event.address.host);
    }
  })();
  for (const host of ["10.0.0.3", "10.0.0.9", "127.0.0.1"]) {
    a.extend({ type: "holepunchConnect", address: at(host) });
  }
  await swarm.clock.advance(60_000);
  assertEquals([...new Set(dialled)], ["10.0.0.9"]);
  assertEquals(heard(a), []);
});

Deno.test("a client dials no more than fifty addresses that one peer calls it to", async () => {
  await using swarm = new VirtualSwarm();
  const { relay, a } = await meeting(swarm);
  for (let i = 0; i < 200; i++) a.extend({ type: "holepunchConnect", address: at(`10.0.1.${i}`) });
  await swarm.clock.advance(1000);
  assertEquals(relay.status().candidates <= 52, true);
});
