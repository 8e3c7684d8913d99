/** Hashing: pieces and Merkle leaves through WebCrypto, beside the synchronous SHA-1 and node:crypto. `deno task bench`. */

import { createHash } from "node:crypto";
import { sha1, sha256 } from "../src/bytes/digest.ts";
import { sha1Sync } from "../src/bytes/sha1_sync.ts";
import { hashBlocks } from "../src/metainfo/merkle.ts";

const piece = new Uint8Array(1 << 20).map((_, i) => i * 31),
  block = piece.subarray(0, 16384),
  tiny = piece.subarray(0, 32);

Deno.bench(
  "sha1 of 1 MiB, WebCrypto (the pure floors)",
  { group: "a piece, v1", baseline: true },
  async () => {
    await sha1(piece);
  },
);

Deno.bench("sha1 of 1 MiB, node:crypto (workers)", { group: "a piece, v1" }, () => {
  createHash("sha1").update(piece).digest();
});

Deno.bench(
  "Merkle leaves of 1 MiB, WebCrypto (the pure floors)",
  { group: "a piece, v2", baseline: true },
  async () => {
    await hashBlocks(piece);
  },
);

Deno.bench("sha256 of 1 MiB, node:crypto: the limit", { group: "a piece, v2" }, () => {
  createHash("sha256").update(piece).digest();
});

Deno.bench("sha256 of 16 KiB, WebCrypto", { group: "a block, v2", baseline: true }, async () => {
  await sha256(block);
});

Deno.bench("sha256 of 16 KiB, node:crypto", { group: "a block, v2" }, () => {
  createHash("sha256").update(block).digest();
});

Deno.bench("sha1 of 32 bytes, synchronous", { group: "tiny", baseline: true }, () => {
  sha1Sync(tiny);
});

Deno.bench("sha1 of 32 bytes, WebCrypto", { group: "tiny" }, async () => {
  await sha1(tiny);
});

Deno.bench("sha1 of 32 bytes, node:crypto", { group: "tiny" }, () => {
  createHash("sha1").update(tiny).digest();
});
