import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { seededRandom } from "../../src/io/memory/seeded_random.ts";
import { drawPrivateKey, KEY_LENGTH, publicKeyOf, sharedSecretOf } from "../../src/mse/key_exchange.ts";
import { SHARED_SECRET, YA, YB } from "./vectors.ts";

const XA = new Uint8Array(20).fill(1), XB = new Uint8Array(20).fill(2);
const PRIME = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A43" +
    "1B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563",
);

function keyOf(value: bigint): Uint8Array {
  return decodeHex(value.toString(16).padStart(192, "0"));
}

Deno.test("publicKeyOf() gives the vectors", () => {
  assertEquals(encodeHex(publicKeyOf(XA)), YA);
  assertEquals(encodeHex(publicKeyOf(XB)), YB);
});

Deno.test("sharedSecretOf() gives the vector to both sides", () => {
  assertEquals(encodeHex(sharedSecretOf(XA, decodeHex(YB))!), SHARED_SECRET);
  assertEquals(encodeHex(sharedSecretOf(XB, decodeHex(YA))!), SHARED_SECRET);
});

Deno.test("publicKeyOf() pads small numbers with zeros in front", () => {
  assertEquals(encodeHex(publicKeyOf(Uint8Array.of(1))), "02".padStart(192, "0"));
  assertEquals(encodeHex(publicKeyOf(new Uint8Array(20))), "01".padStart(192, "0"));
});

Deno.test("sharedSecretOf() refuses keys that make the secret known to everybody", () => {
  for (const value of [0n, 1n, PRIME - 1n, PRIME, PRIME + 1n, 2n ** 768n - 1n]) {
    assertEquals(sharedSecretOf(XA, keyOf(value)), undefined, `${value}`);
  }
  for (const value of [2n, 3n, PRIME - 2n]) {
    assertEquals(sharedSecretOf(XA, keyOf(value))?.length, KEY_LENGTH, `${value}`);
  }
});

Deno.test("two drawn keys share a secret", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed), a = drawPrivateKey(random), b = drawPrivateKey(random);
      assertEquals(a.length, 20);
      assertEquals(sharedSecretOf(a, publicKeyOf(b)), sharedSecretOf(b, publicKeyOf(a)));
    }),
    { numRuns: 50 },
  );
});
