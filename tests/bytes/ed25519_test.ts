import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSigner, verifyEd25519 } from "../../src/bytes/ed25519.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "../../src/bytes/text.ts";

/** RFC 8032 section 7.1, tests 1 and 2. */
const VECTORS = [
  {
    seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature:
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b" +
      "d25bf5f0595bbe24655141438e7a100b",
  },
  {
    seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature:
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c" +
      "387b2eaeb4302aeeb00d291612bb0c00",
  },
];

Deno.test("createSigner() makes the keys and signatures of RFC 8032", async () => {
  for (const { seed, publicKey, message, signature } of VECTORS) {
    const signer = await createSigner(decodeHex(seed));
    assertEquals(encodeHex(signer.publicKey), publicKey);
    assertEquals(encodeHex(await signer.sign(decodeHex(message))), signature);
  }
});

Deno.test("verifyEd25519() takes right signatures and no others", async () => {
  for (const vector of VECTORS) {
    const publicKey = decodeHex(vector.publicKey), signature = decodeHex(vector.signature);
    assert(await verifyEd25519(publicKey, signature, decodeHex(vector.message)));
    assert(!await verifyEd25519(publicKey, signature, encodeUtf8("another")));
    signature[10]! ^= 1;
    assert(!await verifyEd25519(publicKey, signature, decodeHex(vector.message)));
  }
});

Deno.test("verifyEd25519() finds senseless keys and signatures just wrong", async () => {
  const { publicKey, signature } = VECTORS[0]!, none = new Uint8Array();
  assert(!await verifyEd25519(none, decodeHex(signature), none));
  assert(!await verifyEd25519(new Uint8Array(32).fill(255), decodeHex(signature), none));
  assert(!await verifyEd25519(decodeHex(publicKey), none, none));
});

Deno.test("createSigner() refuses keys that are no seed", async () => {
  await assertRejects(() => createSigner(new Uint8Array(64)), RangeError);
});
