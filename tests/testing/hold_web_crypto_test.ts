import { assertEquals, assertRejects } from "@std/assert";
import { sha1 } from "../../src/bytes/digest.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { holdWebCrypto } from "../../src/testing/hold_web_crypto.ts";

Deno.test("holdWebCrypto() keeps the clock still while something is hashed, and lets go when disposed", async () => {
  const clock = new VirtualClock(), hashedAt: number[] = [], { digest } = crypto.subtle;
  {
    using _ = holdWebCrypto(clock);
    for (let at = 1; at <= 5; at++) {
      clock.schedule(at, async () => {
        await sha1(new Uint8Array(1 << 20));
        await sha1(new Uint8Array(1 << 18));
        hashedAt.push(clock.now());
      });
    }
    await clock.advance(100);
    await assertRejects(() => crypto.subtle.digest("no such hash", new Uint8Array()));
  }
  assertEquals(hashedAt, [1, 2, 3, 4, 5]);
  assertEquals(crypto.subtle.digest, digest);
});
