import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createSigner, verifyEd25519 } from "../../src/bytes/ed25519.ts";
import { createExpandedSigner } from "../../src/bytes/ed25519_expanded.ts";

/** RFC 8032 section 5.1.5, steps 1 and 2. */
async function expand(seed: Uint8Array): Promise<Uint8Array> {
  const key = new Uint8Array(await crypto.subtle.digest("SHA-512", new Uint8Array(seed)));
  key[0]! &= 0xf8;
  key[31] = key[31]! & 0x3f | 0x40;
  return key;
}

Deno.test("createExpandedSigner() signs like createSigner() does with the seed of the key", async () => {
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 }), messages = fc.uint8Array({ maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(seeds, messages, async (seed, message) => {
      const [seeded, expanded] = [await createSigner(seed), await createExpandedSigner(await expand(seed))];
      assertEquals(expanded.publicKey, seeded.publicKey);
      const signature = await expanded.sign(message);
      assertEquals(signature, await seeded.sign(message));
      assert(await verifyEd25519(expanded.publicKey, signature, message));
    }),
    { numRuns: 20 },
  );
});

Deno.test("createExpandedSigner() refuses keys of other forms", async () => {
  const seed = new Uint8Array(32).fill(7), { publicKey } = await createSigner(seed);
  await assertRejects(() => createExpandedSigner(seed), RangeError, "expected 64 bytes, got 32");
  const pair = new Uint8Array([...seed, ...publicKey]);
  await assertRejects(() => createExpandedSigner(pair), RangeError, "not clamped");
});
