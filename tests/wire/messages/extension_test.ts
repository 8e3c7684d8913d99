import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Bencodable, encode } from "../../../src/bencode/encode.ts";
import { decodeByteString, encodeByteString } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from "../../../src/wire/messages/extension.ts";

const natural = fc.integer({ min: 1, max: 2 ** 40 });
const handshake: fc.Arbitrary<ExtensionHandshake> = fc.record({
  type: fc.constant("extensionHandshake" as const),
  ids: fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => /^[\x20-\x7e]*$/.test(name)),
    fc.integer({ min: 0, max: 255 }),
  )
    .map((ids) => new Map(Object.entries(ids).sort(([a], [b]) => a < b ? -1 : 1))),
  client: fc.string(),
  listenPort: fc.integer({ min: 1, max: 65535 }),
  yourIp: fc.constantFrom("192.0.2.1", "2001:db8::1"),
  ipv4: fc.constant("198.51.100.2"),
  ipv6: fc.constant("2001:db8::2"),
  requestQueue: natural,
  metadataSize: natural,
  uploadOnly: fc.boolean(),
  completeAgo: natural,
  prefersEncryption: fc.boolean(),
}, { requiredKeys: ["type", "ids"] });

Deno.test("decodeExtensionHandshake() reads the example of BEP 10", () => {
  const text = "d1:md11:LT_metadatai1e6:\xb5T_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e";
  assertEquals(decodeExtensionHandshake(decodeByteString(text)), {
    type: "extensionHandshake",
    ids: new Map([["LT_metadata", 1], ["\xb5T_PEX", 2]]),
    client: "µTorrent 1.2",
    listenPort: 6881,
  });
});

Deno.test("encodeExtensionHandshake() writes the examples of BEP 9 and 21", () => {
  assertEquals(
    encodeByteString(encodeExtensionHandshake({ ids: new Map([["ut_metadata", 3]]), metadataSize: 31235 })),
    "d1:md11:ut_metadatai3ee13:metadata_sizei31235ee",
  );
  assertEquals(
    encodeByteString(encodeExtensionHandshake({ ids: new Map([["ut_metadata", 3]]), uploadOnly: true })),
    "d1:md11:ut_metadatai3ee11:upload_onlyi1ee",
  );
  assertEquals(encodeByteString(encodeExtensionHandshake({})), "d1:mdee");
});

Deno.test("decodeExtensionHandshake() undoes encodeExtensionHandshake()", () => {
  fc.assert(fc.property(handshake, (handshake) => {
    assertEquals(decodeExtensionHandshake(encodeExtensionHandshake(handshake)), handshake);
  }));
});

Deno.test("decodeExtensionHandshake() leaves out what has another type or is out of range", () => {
  const bytes = (length: number) => new Uint8Array(length);
  const wrong: Record<string, Bencodable[]> = {
    complete_ago: [-1, "1", [1]],
    e: ["1", [], {}],
    ipv4: [1, "", bytes(16), bytes(3)],
    ipv6: [1, "", bytes(4), bytes(17)],
    m: [1, "x", []],
    metadata_size: [0, -1, 2n ** 60n, "5"],
    p: [0, -1, 65536, 2n ** 60n, bytes(2)],
    reqq: [-1, 2n ** 60n, []],
    upload_only: ["1", [], {}],
    v: [1, [], {}],
    yourip: [1, "", bytes(5), bytes(18)],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      assertEquals(decodeExtensionHandshake(encode({ [key]: value })), { type: "extensionHandshake" }, key);
    }
  }
});

Deno.test("decodeExtensionHandshake() leaves out ids beyond a byte and keeps 0, which switches off", () => {
  const decoded = decodeExtensionHandshake(encode({ m: { a: 256, b: -1, c: "1", d: 0, e: 255 } }));
  assertEquals(decoded.ids, new Map([["d", 0], ["e", 255]]));
});

Deno.test("decodeExtensionHandshake() gives an IPv4 address mapped into IPv6 as IPv4", () => {
  const mapped = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
  assertEquals(decodeExtensionHandshake(encode({ yourip: mapped })).yourIp, "192.0.2.1");
});

Deno.test("decodeExtensionHandshake() takes unsorted keys and bytes behind the dictionary", () => {
  assertEquals(decodeExtensionHandshake(decodeByteString("d1:v1:x1:pi5eexyz")), {
    type: "extensionHandshake",
    client: "x",
    listenPort: 5,
  });
});

Deno.test("decodeExtensionHandshake() refuses what is no dictionary, and every cut", () => {
  for (const text of ["", "i1e", "le", "d", "d1:pi1", "x"]) {
    assertThrows(() => decodeExtensionHandshake(decodeByteString(text)), DecodeError);
  }
  const bytes = encodeExtensionHandshake({ ids: new Map([["ut_pex", 1]]), client: "x" });
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(() => decodeExtensionHandshake(bytes.subarray(0, end)), DecodeError);
  }
});

Deno.test("decodeExtensionHandshake() throws nothing but DecodeError", () => {
  const good = encodeExtensionHandshake({ ids: new Map([["ut_pex", 1]]), client: "x", yourIp: "192.0.2.1" });
  fc.assert(fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
    const bytes = good.slice();
    bytes[at] = byte;
    try {
      decodeExtensionHandshake(bytes);
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }));
});

Deno.test("encodeExtensionHandshake() refuses an address of another family or none", () => {
  assertThrows(() => encodeExtensionHandshake({ ipv4: "2001:db8::1" }), RangeError);
  assertThrows(() => encodeExtensionHandshake({ ipv6: "192.0.2.1" }), RangeError);
  assertThrows(() => encodeExtensionHandshake({ yourIp: "example.org" }), RangeError);
});
