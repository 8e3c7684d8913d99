import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { Rc4 } from "../../src/mse/rc4.ts";

/** RFC 6229 "test vectors for RC4": key, offset, sixteen bytes of keystream. */
const VECTORS: readonly (readonly [key: string, offset: number, stream: string])[] = [
  ["0102030405", 0, "b2396305f03dc027ccc3524a0a1118a8"],
  ["0102030405", 16, "6982944f18fc82d589c403a47a0d0919"],
  ["0102030405", 240, "28cb1132c96ce286421dcaadb8b69eae"],
  ["0102030405", 256, "1cfcf62b03eddb641d77dfcf7f8d8c93"],
  ["0102030405", 1008, "45129048e6a0ed0b56b490338f078da5"],
  ["0102030405", 1024, "30abbcc7c20b01609f23ee2d5f6bb7df"],
  ["0102030405", 4096, "ff25b58995996707e51fbdf08b34d875"],
  ["0102030405060708", 0, "97ab8a1bf0afb96132f2f67258da15a8"],
  ["0102030405060708", 1024, "c6d0e7b226259fa9023490b26167ad1d"],
  ["0102030405060708090a0b0c0d0e0f10", 0, "9ac7cc9a609d1ef7b2932899cde41b97"],
  ["0102030405060708090a0b0c0d0e0f10", 1024, "bdf0324e6083dcc6d3cedd3ca8c53c16"],
  ["0102030405060708090a0b0c0d0e0f10", 4096, "a36a4c301ae8ac13610ccbc12256cacc"],
  ["0102030405060708090a0b0c0d0e0f101112131415161718", 1024, "93610d523d1d3f0062b3c2a3bbc7c7f0"],
  [
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
    4080,
    "a13a7c79c7e119b5ab0296ab28c300b9",
  ],
];

function keystream(cipher: Rc4, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  cipher.apply(bytes);
  return bytes;
}

for (const [key, offset, stream] of VECTORS) {
  Deno.test(`Rc4 gives RFC 6229's keystream at ${offset} for a key of ${key.length * 4} bits`, () => {
    const bytes = keystream(new Rc4(decodeHex(key)), offset + 16);
    assertEquals(encodeHex(bytes.subarray(offset)), stream);
    assertEquals(encodeHex(keystream(new Rc4(decodeHex(key), offset), 16)), stream);
  });
}

Deno.test("apply() gives the same stream however it is cut and wherever the bytes lie", () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const parts = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(3), fc.nat(3)), { maxLength: 12 });
  fc.assert(fc.property(key, parts, (key, parts) => {
    const inPlace = concat(parts.map(([bytes]) => bytes)), cipher = new Rc4(key);
    new Rc4(key).apply(inPlace);
    const cut = parts.map(([bytes, sourceOffset, targetOffset]) => {
      const source = new Uint8Array(bytes.length + 8).fill(0xee, 0).subarray(sourceOffset);
      source.set(bytes);
      const target = new Uint8Array(bytes.length + 8).fill(0xdd).subarray(targetOffset);
      cipher.apply(source.subarray(0, bytes.length), target);
      assertEquals(source.subarray(0, bytes.length), bytes);
      assertEquals(target[bytes.length], 0xdd);
      return target.subarray(0, bytes.length);
    });
    assertEquals(concat(cut), inPlace);
  }));
});

Deno.test("apply() decrypts what it encrypted", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.uint8Array(), (key, message) => {
    const bytes = message.slice();
    new Rc4(key, 1024).apply(bytes);
    new Rc4(key, 1024).apply(bytes);
    assertEquals(bytes, message);
  }));
});

Deno.test("Rc4 refuses keys and targets of a length that does not fit", () => {
  for (const length of [0, 257]) assertThrows(() => new Rc4(new Uint8Array(length)), RangeError, "RC4 key");
  const cipher = new Rc4(Uint8Array.of(1));
  assertThrows(() => cipher.apply(new Uint8Array(5), new Uint8Array(4)), RangeError);
});
