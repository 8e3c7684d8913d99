import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatPeerAddress } from "../../src/peer/address.ts";
import { HolepunchRelay, type RelayEffect, type RelayPeer } from "../../src/torrent/holepunch_relay.ts";
import { decodeHolepunch, encodeHolepunch, HOLEPUNCH_ERRORS } from "../../src/wire/messages/holepunch.ts";

const OURS = [{ host: "9.9.9.9", port: 6881 }];

function peer(key: number, host: string, more: Partial<RelayPeer> = {}): RelayPeer {
  return {
    peer: key,
    address: { host, port: 6881 },
    listenAddress: undefined,
    utp: true,
    holepunch: true,
    ...more,
  };
}

const a = peer(1, "1.1.1.1"), b = peer(2, "2.2.2.2");

function ask(
  peers: readonly RelayPeer[],
  target: { host: string; port: number },
  from = 1,
): readonly RelayEffect[] {
  return new HolepunchRelay().handle({ from, address: target, peers, ours: OURS }, 0);
}

function codesIn(effects: readonly RelayEffect[]): number[] {
  return effects.flatMap(({ message }) => message.type === "holepunchError" ? [message.code] : []);
}

Deno.test("HolepunchRelay sends connect to both peers, each with the other's endpoint", () => {
  assertEquals(ask([a, b], b.address), [
    { type: "send", peer: 1, message: { type: "holepunchConnect", address: b.address } },
    { type: "send", peer: 2, message: { type: "holepunchConnect", address: a.address } },
  ]);
});

Deno.test("HolepunchRelay works over IPv6 and within one private network", () => {
  for (
    const [from, to] of [["2001:db8::1", "2001:db8::2"], ["10.0.0.1", "192.168.0.2"], [
      "127.0.0.1",
      "127.0.0.2",
    ]]
  ) {
    const peers = [peer(1, from!), peer(2, to!)];
    assertEquals(ask(peers, peers[1]!.address).map(({ message }) => message.type), [
      "holepunchConnect",
      "holepunchConnect",
    ]);
  }
});

Deno.test("HolepunchRelay finds a peer by where it listens, and names the hole that uTP made", () => {
  const listenAddress = { host: "2.2.2.2", port: 1000 };
  const target = peer(2, "2.2.2.2", { address: { host: "2.2.2.2", port: 50_000 }, listenAddress });
  assertEquals(ask([a, target], listenAddress)[0]!.message.address, target.address);
  const overTcp = { ...target, utp: false };
  assertEquals(ask([a, overTcp], listenAddress)[0]!.message.address, listenAddress);
});

Deno.test("HolepunchRelay tells the target where the asking peer listens if it is here over TCP", () => {
  const address = { host: "1.1.1.1", port: 50_000 }, listenAddress = { host: "1.1.1.1", port: 7 };
  const from = peer(1, "1.1.1.1", { address, utp: false, listenAddress });
  assertEquals(ask([from, b], b.address)[1]!.message.address, listenAddress);
  assertEquals(ask([{ ...from, listenAddress: undefined }, b], b.address)[1]!.message.address, address);
});

for (
  const [name, target, code] of [
    ["multicast", { host: "239.1.1.1", port: 1 }, HOLEPUNCH_ERRORS.noSuchPeer],
    ["unspecified", { host: "0.0.0.0", port: 1 }, HOLEPUNCH_ERRORS.noSuchPeer],
    ["private from outside", { host: "10.0.0.3", port: 6881 }, HOLEPUNCH_ERRORS.noSuchPeer],
    ["loopback from outside", { host: "127.0.0.1", port: 6881 }, HOLEPUNCH_ERRORS.noSuchPeer],
    ["unknown", { host: "5.5.5.5", port: 6881 }, HOLEPUNCH_ERRORS.notConnected],
    ["known host, unknown port", { host: "2.2.2.2", port: 1 }, HOLEPUNCH_ERRORS.notConnected],
    ["without support", { host: "4.4.4.4", port: 6881 }, HOLEPUNCH_ERRORS.noSupport],
    ["the relay", { host: "9.9.9.9", port: 6881 }, HOLEPUNCH_ERRORS.noSelf],
    ["who asks", { host: "1.1.1.1", port: 6881 }, HOLEPUNCH_ERRORS.noSelf],
  ] as const
) {
  Deno.test(`HolepunchRelay answers error ${code} with the address asked for: ${name}`, () => {
    const peers = [a, b, peer(3, "10.0.0.3"), peer(4, "4.4.4.4", { holepunch: false })];
    assertEquals(ask(peers, target), [
      { type: "send", peer: 1, message: { type: "holepunchError", address: target, code } },
    ]);
  });
}

Deno.test("HolepunchRelay never brings the inside and the outside together, whichever asks", () => {
  const inside = peer(3, "192.168.1.3");
  assertEquals(codesIn(ask([a, inside], a.address, 3)), [HOLEPUNCH_ERRORS.noSuchPeer]);
  assertEquals(codesIn(ask([a, inside], inside.address, 1)), [HOLEPUNCH_ERRORS.noSuchPeer]);
});

Deno.test("HolepunchRelay ignores who does not list the extension, and who is not here", () => {
  assertEquals(ask([{ ...a, holepunch: false }, b], b.address), []);
  assertEquals(ask([b], b.address), []);
});

Deno.test("HolepunchRelay answers 20 times a minute to one peer, errors included", () => {
  const relay = new HolepunchRelay();
  const answers = (now: number) =>
    Array.from(
      { length: 30 },
      (_, i) =>
        relay.handle({ from: 1, address: { host: "5.5.5.5", port: i + 1 }, peers: [a, b], ours: OURS }, now),
    ).filter((effects) => effects.length > 0).length;
  assertEquals([answers(0), answers(59_999), answers(60_000), answers(60_001)], [20, 0, 20, 0]);
});

Deno.test("HolepunchRelay calls no peer more than 20 times a minute, whoever asks", () => {
  const relay = new HolepunchRelay();
  const peers = [b, ...Array.from({ length: 30 }, (_, i) => peer(100 + i, `3.3.3.${i}`))];
  const calls = peers.slice(1).flatMap(({ peer: from }) =>
    relay.handle({ from, address: b.address, peers, ours: OURS }, 0).filter(({ peer }) => peer === b.peer)
  );
  assertEquals(calls.length, 20);
});

Deno.test("HolepunchRelay sends what can be encoded, to peers that are here and support it, or an error to who asks", () => {
  const host = fc.constantFrom(
    "1.1.1.1",
    "2.2.2.2",
    "10.0.0.1",
    "127.0.0.1",
    "2001:db8::1",
    "fe80::1",
    "239.1.1.1",
  );
  const address = fc.record({ host, port: fc.integer({ min: 1, max: 3 }) });
  const peers = fc.uniqueArray(
    fc.record({
      peer: fc.nat(5),
      address,
      listenAddress: fc.option(address, { nil: undefined }),
      utp: fc.boolean(),
      holepunch: fc.boolean(),
    }),
    { selector: ({ peer }) => peer },
  );
  fc.assert(fc.property(peers, fc.nat(5), address, (peers, from, target) => {
    const effects = new HolepunchRelay().handle({ from, address: target, peers, ours: OURS }, 0);
    assert(effects.length <= 2);
    for (const { peer, message } of effects) {
      assertEquals(decodeHolepunch(encodeHolepunch(message)), message);
      assert(peers.find((one) => one.peer === peer)!.holepunch);
      if (message.type !== "holepunchError") continue;
      assertEquals([peer, formatPeerAddress(message.address)], [from, formatPeerAddress(target)]);
    }
  }));
});
