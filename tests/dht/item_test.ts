import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createSigner, verifyEd25519 } from "../../src/bytes/ed25519.ts";
import { createExpandedSigner } from "../../src/bytes/ed25519_expanded.ts";
import { decodeByteString, decodeHex, encodeHex, encodeUtf8 } from "../../src/bytes/text.ts";
import {
  checkItem,
  checkItemName,
  createImmutableItem,
  createMutableItem,
  itemTarget,
  type MutableItem,
  signedBytes,
} from "../../src/dht/item.ts";
import { DecodeError } from "../../src/errors.ts";

/** BEP 44 "test vectors". */
const PUBLIC_KEY = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";
const PRIVATE_KEY = "e06d3183d14159228433ed599221b80bd0a5ce8352e4bdf0262f76786ef1c74d" +
  "b7e7a9fea2c0eb269d61e3b38e450a22e754941ac78479d6c54e1faf6037881d";
const VALUE = "12:Hello World!";
const MUTABLE = [
  {
    salt: undefined,
    target: "4a533d47ec9c7d95b1ad75f576cffc641853b750",
    signed: "3:seqi1e1:v12:Hello World!",
    signature: "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff" +
      "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
  },
  {
    salt: "foobar",
    target: "411eba73b6f087ca51a3795d9c8c938d365e32c1",
    signed: "4:salt6:foobar3:seqi1e1:v12:Hello World!",
    signature: "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d" +
      "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
  },
] as const;

function vectorItem({ salt, signature }: typeof MUTABLE[number]): MutableItem {
  return {
    type: "mutable",
    publicKey: decodeHex(PUBLIC_KEY),
    salt: salt && encodeUtf8(salt),
    seq: 1n,
    value: encodeUtf8(VALUE),
    signature: decodeHex(signature),
  };
}

Deno.test("itemTarget() gives the targets of BEP 44", () => {
  for (const vector of MUTABLE) assertEquals(encodeHex(itemTarget(vectorItem(vector))), vector.target);
  const immutable = createImmutableItem("Hello World!");
  assertEquals(immutable.value, encodeUtf8(VALUE));
  assertEquals(encodeHex(itemTarget(immutable)), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
});

Deno.test("itemTarget() gives the targets of BEP 46", () => {
  const publicKey = decodeHex("8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e");
  const target = (salt?: Uint8Array) => encodeHex(itemTarget({ type: "mutable", publicKey, salt }));
  assertEquals(target(), "cc3f9d90b572172053626f9980ce261a850d050b");
  assertEquals(target(decodeHex("6e")), "59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f");
});

Deno.test("signedBytes() gives the buffers of BEP 44, and their signatures are good", async () => {
  for (const vector of MUTABLE) {
    const item = vectorItem(vector), message = signedBytes(item);
    assertEquals(message, encodeUtf8(vector.signed));
    assert(await verifyEd25519(item.publicKey, item.signature, message));
    assert(!await verifyEd25519(item.publicKey, item.signature, signedBytes({ ...item, seq: 2n })));
  }
});

Deno.test("signedBytes() leaves out an empty salt", () => {
  const item = vectorItem(MUTABLE[0]);
  assertEquals(signedBytes({ ...item, salt: new Uint8Array() }), signedBytes(item));
});

Deno.test("createMutableItem() signs as BEP 44 does, with its expanded key", async () => {
  const signer = await createExpandedSigner(decodeHex(PRIVATE_KEY));
  assertEquals(encodeHex(signer.publicKey), PUBLIC_KEY);
  for (const vector of MUTABLE) {
    const salt = vector.salt === undefined ? {} : { salt: encodeUtf8(vector.salt) };
    const item = await createMutableItem(signer, "Hello World!", { seq: 1n, ...salt });
    assertEquals(encodeHex(item.signature), vector.signature);
  }
});

Deno.test("createMutableItem() signs with a seed", async () => {
  const signer = await createSigner(new Uint8Array(32).fill(7));
  const item = await createMutableItem(signer, { ih: new Uint8Array(20) }, { seq: 2n ** 63n - 1n });
  assert(await verifyEd25519(item.publicKey, item.signature, signedBytes(item)));
});

Deno.test("createMutableItem() and createImmutableItem() refuse what nobody would store", async () => {
  const signer = await createSigner(new Uint8Array(32).fill(7));
  assertThrows(() => createImmutableItem("x".repeat(1000)), RangeError);
  await assertRejects(() => createMutableItem(signer, "x", { seq: -1n }), RangeError);
  await assertRejects(() => createMutableItem(signer, "x", { seq: 2n ** 63n }), RangeError);
  await assertRejects(
    () => createMutableItem(signer, "x", { seq: 1n, salt: new Uint8Array(65) }),
    RangeError,
  );
});

Deno.test("checkItem() and checkItemName() look at every part", () => {
  const item = vectorItem(MUTABLE[0]);
  checkItem(item);
  assertThrows(() => checkItem({ ...item, publicKey: new Uint8Array(31) }), RangeError);
  assertThrows(() => checkItem({ ...item, signature: new Uint8Array(63) }), RangeError);
  assertThrows(() => checkItem({ ...item, value: decodeByteString("d1:bi1e1:ai2ee") }), DecodeError);
  assertThrows(() => checkItemName({ type: "immutable", target: new Uint8Array(19) }), RangeError);
  assertThrows(() => checkItemName({ type: "mutable", publicKey: new Uint8Array(20) }), RangeError);
});
