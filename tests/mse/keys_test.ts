import { assertEquals } from "@std/assert";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { markerOf, maskSkeyHash, skeyHash, streamCiphersOf } from "../../src/mse/keys.ts";
import { SHARED_SECRET } from "./vectors.ts";

const secret = decodeHex(SHARED_SECRET), infoHash = new Uint8Array(20).fill(0xaa);

Deno.test("markerOf() gives the vector", () => {
  assertEquals(encodeHex(markerOf(secret)), "0a6d483c3bc61484a210fa0f37d99062fd569483");
});

Deno.test("maskSkeyHash() gives the vector, and takes itself back", () => {
  const masked = maskSkeyHash(skeyHash(infoHash), secret);
  assertEquals(encodeHex(masked), "6c6816e45dd786ccc916483dbf61bf2eac1d7b9b");
  assertEquals(maskSkeyHash(masked, secret), skeyHash(infoHash));
});

Deno.test("streamCiphersOf() encrypts the verification constant as the vectors say, and each side reads the other", () => {
  const a = streamCiphersOf("outgoing", secret, infoHash), b = streamCiphersOf("incoming", secret, infoHash);
  for (const [from, to, vector] of [[a, b, "29f82066c2916234"], [b, a, "4e1a0ab34843e109"]] as const) {
    const bytes = new Uint8Array(8);
    from.outgoing.apply(bytes);
    assertEquals(encodeHex(bytes), vector);
    to.incoming.apply(bytes);
    assertEquals(bytes, new Uint8Array(8));
  }
});
