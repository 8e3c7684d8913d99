import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { allowedFastSet } from "../../src/wire/allowed_fast.ts";

const infoHash = new Uint8Array(20).fill(0xaa);
const example = { host: "80.4.4.200", infoHash, pieceCount: 1313 };

Deno.test("allowedFastSet() agrees with the vectors of BEP 6", () => {
  assertEquals(allowedFastSet({ ...example, size: 7 }), [1059, 431, 808, 1217, 287, 376, 1188]);
  assertEquals(allowedFastSet({ ...example, size: 9 }), [1059, 431, 808, 1217, 287, 376, 1188, 353, 508]);
});

Deno.test("allowedFastSet() allows ten pieces by default", () => {
  assertEquals(allowedFastSet(example), [1059, 431, 808, 1217, 287, 376, 1188, 353, 508, 1246]);
});

Deno.test("allowedFastSet() leaves out the last octet of the address", () => {
  assertEquals(allowedFastSet({ ...example, host: "80.4.4.1" }), allowedFastSet(example));
});

Deno.test("allowedFastSet() gives nothing for IPv6 and for what is no address", () => {
  assertEquals(allowedFastSet({ ...example, host: "2001:db8::1" }), []);
  assertEquals(allowedFastSet({ ...example, host: "example.org" }), []);
});

Deno.test("allowedFastSet() ends when every piece is in, and has no piece twice", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 30 }), (pieceCount, size) => {
      const set = allowedFastSet({ ...example, pieceCount, size });
      assertEquals(set.length, Math.min(size, pieceCount));
      assertEquals(new Set(set).size, set.length);
      assertEquals(set.every((piece) => piece >= 0 && piece < pieceCount), true);
    }),
  );
});
