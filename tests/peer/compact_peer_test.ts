import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import {
  compactPeerAt,
  decodeCompactPeer,
  decodeCompactPeers,
  encodeCompactPeer,
  encodeCompactPeers,
  writeMappedPeer,
} from "../../src/peer/compact_peer.ts";
import { isIpv6 } from "../../src/peer/ip.ts";
import { address } from "./arbitrary.ts";

Deno.test("encodeCompactPeer() writes BEP 23 and BEP 7 form", () => {
  assertEquals(encodeHex(encodeCompactPeer({ host: "1.2.3.4", port: 6881 })), "010203041ae1");
  assertEquals(
    encodeHex(encodeCompactPeer({ host: "2001:db8::1", port: 6881 })),
    "20010db80000000000000000000000011ae1",
  );
  assertThrows(() => encodeCompactPeer({ host: "example.org", port: 1 }), RangeError);
});

Deno.test("decodeCompactPeer() undoes encodeCompactPeer()", () => {
  fc.assert(fc.property(address, (peer) => assertEquals(decodeCompactPeer(encodeCompactPeer(peer)), peer)));
});

Deno.test("decodeCompactPeer() refuses other lengths and port 0", () => {
  for (let length = 0; length < 24; length++) {
    assertThrows(() => decodeCompactPeer(new Uint8Array(length)), DecodeError);
  }
});

Deno.test("decodeCompactPeers() reads the peers that encodeCompactPeers() wrote, each family apart", () => {
  fc.assert(fc.property(fc.array(address), (peers) => {
    for (const family of [4, 6] as const) {
      const own = peers.filter(({ host }) => isIpv6(host) === (family === 6));
      assertEquals(decodeCompactPeers(encodeCompactPeers(peers, family), family), own);
    }
  }));
});

Deno.test("decodeCompactPeers() drops port 0, gives mapped IPv4 as IPv4 and refuses a cut list", () => {
  assertEquals(decodeCompactPeers(decodeHex("010203040000" + "050607080001"), 4), [{
    host: "5.6.7.8",
    port: 1,
  }]);
  assertEquals(decodeCompactPeers(decodeHex("00000000000000000000ffff010203040050"), 6), [{
    host: "1.2.3.4",
    port: 80,
  }]);
  assertThrows(() => decodeCompactPeers(new Uint8Array(7), 4), DecodeError);
  assertThrows(() => decodeCompactPeers(new Uint8Array(24), 6), DecodeError);
});

Deno.test("compactPeerAt() reads one entry and skips port 0", () => {
  const bytes = decodeHex("010203040000" + "050607080001");
  assertEquals(compactPeerAt(bytes, 0, 4), undefined);
  assertEquals(compactPeerAt(bytes, 6, 4), { host: "5.6.7.8", port: 1 });
});

Deno.test("encodeCompactPeer() writes IPv4 that is mapped into IPv6 as IPv4", () => {
  const compact = encodeCompactPeer({ host: "::ffff:1.2.3.4", port: 0x0506 });
  assertEquals(compact, Uint8Array.of(1, 2, 3, 4, 5, 6));
  assertThrows(() => encodeCompactPeer({ host: "1.2.3", port: 1 }), RangeError);
  assertThrows(() => encodeCompactPeers([{ host: "1.2.3.4.5", port: 1 }], 4), RangeError);
});

Deno.test("writeMappedPeer() writes both families in 18 bytes, whatever stood there", () => {
  for (
    const [host, hex, family] of [
      ["1.2.3.4", "00000000000000000000ffff010203041ae1", 4],
      ["::ffff:1.2.3.4", "00000000000000000000ffff010203041ae1", 4],
      ["2001:db8::1", "20010db80000000000000000000000011ae1", 6],
    ] as const
  ) {
    const bytes = new Uint8Array(18).fill(0xaa);
    assertEquals([writeMappedPeer({ host, port: 6881 }, bytes), encodeHex(bytes)], [family, hex]);
  }
  assertThrows(() => writeMappedPeer({ host: "1.2.3", port: 1 }, new Uint8Array(18)), RangeError);
});
