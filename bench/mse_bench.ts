/** Encrypted connections (MSE): RC4 over the bytes of blocks, the key exchange, and a whole handshake of both sides. */

import { seededRandom } from "../src/io/memory/seeded_random.ts";
import { MseHandshake } from "../src/mse/handshake.ts";
import { drawPrivateKey, publicKeyOf, sharedSecretOf } from "../src/mse/key_exchange.ts";
import { Rc4 } from "../src/mse/rc4.ts";
import type { MseEffect } from "../src/mse/vocabulary.ts";

const MIB = 1 << 20, BLOCK = 16_397, SMALL = 17;
const cipher = new Rc4(new Uint8Array(20).fill(1), 1024);
const source = new Uint8Array(MIB), target = new Uint8Array(MIB), odd = new Uint8Array(MIB + 1).subarray(1);

Deno.bench("RC4, 1 MiB in place", { group: "RC4" }, () => cipher.apply(source));

Deno.bench("RC4, 1 MiB into another buffer, unaligned", { group: "RC4" }, () => cipher.apply(odd, target));

Deno.bench("RC4, 64 messages with a block each", { group: "RC4" }, () => {
  const block = source.subarray(0, BLOCK), into = target.subarray(0, BLOCK);
  for (let i = 0; i < 64; i++) cipher.apply(block, into);
});

Deno.bench("RC4, 1,000 requests", { group: "RC4" }, () => {
  const request = source.subarray(0, SMALL), into = target.subarray(0, SMALL);
  for (let i = 0; i < 1000; i++) cipher.apply(request, into);
});

const random = seededRandom(1), privateKey = drawPrivateKey(random);
const theirs = publicKeyOf(drawPrivateKey(random)), infoHash = new Uint8Array(20).fill(1);

Deno.bench("public key", { group: "handshake" }, () => void publicKeyOf(privateKey));

Deno.bench("shared secret", { group: "handshake" }, () => void sharedSecretOf(privateKey, theirs));

Deno.bench("both sides of a whole handshake", { group: "handshake" }, () => {
  const a = new MseHandshake({ direction: "outgoing", infoHash, random }, 0);
  const b = new MseHandshake({ direction: "incoming", random }, 0);
  const [key] = a.handle({ type: "tick" }, 0), [answer] = b.handle(carry(key), 0);
  const [offer] = a.handle(carry(answer), 0);
  b.handle(carry(offer), 0);
  const [choice] = b.handle({ type: "accept", infoHash }, 0);
  if (a.handle(carry(choice), 0)[0]?.type !== "open") throw new Error("no agreement");
});

function carry(effect: MseEffect | undefined): { readonly type: "bytes"; readonly bytes: Uint8Array } {
  if (effect?.type !== "write") throw new Error("nothing was written");
  return { type: "bytes", bytes: effect.bytes };
}
