import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { encode } from "../../../src/bencode/encode.ts";
import { decodeHex, encodeByteString } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import { formatIp, isIpv6 } from "../../../src/peer/ip.ts";
import { decodePex, encodePex, PEX_FLAGS } from "../../../src/wire/messages/pex.ts";

const ip = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const address = fc.record({ host: ip.map(formatIp), port: fc.integer({ min: 1, max: 65535 }) });

Deno.test("encodePex() writes the six keys of BEP 11, each family in its own list", () => {
  const bytes = encodePex({
    type: "pex",
    added: [
      { address: { host: "1.2.3.4", port: 5 }, flags: PEX_FLAGS.utp | PEX_FLAGS.reachable },
      { address: { host: "2001:db8::1", port: 6 }, flags: PEX_FLAGS.uploadOnly },
    ],
    dropped: [{ host: "5.6.7.8", port: 9 }],
  });
  assertEquals(
    encodeByteString(bytes),
    "d5:added6:\x01\x02\x03\x04\x00\x057:added.f1:\x14" +
      "6:added618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x068:added6.f1:\x02" +
      "7:dropped6:\x05\x06\x07\x08\0\x098:dropped60:e",
  );
});

Deno.test("decodePex() undoes encodePex(), IPv4 before IPv6", () => {
  const added = fc.array(fc.record({ address, flags: fc.nat(255) }));
  fc.assert(fc.property(added, fc.array(address), (added, dropped) => {
    const v6First = <T>(of: (item: T) => string) => (a: T, b: T) => +isIpv6(of(a)) - +isIpv6(of(b));
    assertEquals(decodePex(encodePex({ type: "pex", added, dropped })), {
      type: "pex",
      added: added.toSorted(v6First(({ address }) => address.host)),
      dropped: dropped.toSorted(v6First(({ host }) => host)),
    });
  }));
});

Deno.test("decodePex() takes whole entries, missing flags as 0, and keeps flags beside their peer when port 0 is dropped", () => {
  const bytes = encode({
    added: decodeHex("010203040000" + "050607080001" + "090a0b0c0002" + "ffff"),
    "added.f": Uint8Array.of(1, 2),
    dropped: decodeHex("0102"),
  });
  assertEquals(decodePex(bytes), {
    type: "pex",
    added: [
      { address: { host: "5.6.7.8", port: 1 }, flags: 2 },
      { address: { host: "9.10.11.12", port: 2 }, flags: 0 },
    ],
    dropped: [],
  });
});

Deno.test("decodePex() treats absent and ill-typed lists as empty", () => {
  const empty = { type: "pex", added: [], dropped: [] } as const;
  assertEquals(decodePex(encode({})), empty);
  assertEquals(decodePex(encode({ added: 1, "added.f": [], added6: {}, dropped: ["x"] })), empty);
});

Deno.test("decodePex() looks at 200 entries of a list and no more", () => {
  const { added } = decodePex(encode({ added: new Uint8Array(6 * 100_000).fill(1) }));
  assertEquals(added.length, 200);
});

Deno.test("decodePex() refuses what is no dictionary and throws nothing but DecodeError", () => {
  assertThrows(() => decodePex(encode([])), DecodeError);
  assertThrows(() => decodePex(new Uint8Array()), DecodeError);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (tail) => {
    try {
      decodePex(Uint8Array.from([0x64, ...tail]));
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }));
});
