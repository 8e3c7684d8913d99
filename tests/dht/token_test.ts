import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { TokenBook } from "../../src/dht/token.ts";
import { seeded } from "./virtual_dht.ts";

const IP = Uint8Array.of(1, 2, 3, 4), TARGET = new Uint8Array(20).fill(9), MINUTE = 60_000;

Deno.test("TokenBook.accepts() honours a token for five minutes at least and ten at most", () => {
  for (let issuedAt = 0; issuedAt < 15; issuedAt++) {
    const book = new TokenBook(seeded(1), 0), token = book.issue(IP, TARGET, issuedAt * MINUTE);
    for (let age = 0; age <= 5; age++) {
      assert(book.accepts(token, IP, TARGET, (issuedAt + age) * MINUTE), `${issuedAt} + ${age}`);
    }
    assert(!book.accepts(token, IP, TARGET, (issuedAt + 10) * MINUTE));
  }
});

Deno.test("TokenBook.accepts() forgets secrets that slept", () => {
  const book = new TokenBook(seeded(1), 0), token = book.issue(IP, TARGET, 0);
  assert(!book.accepts(token, IP, TARGET, 11 * MINUTE));
});

Deno.test("TokenBook.issue() binds a token to address and target", () => {
  const book = new TokenBook(seeded(1), 0), token = book.issue(IP, TARGET, 0);
  assertEquals(book.issue(IP, TARGET, 1), token);
  assert(!book.accepts(token, Uint8Array.of(1, 2, 3, 5), TARGET, 0));
  assert(!book.accepts(token, IP, new Uint8Array(20), 0));
  assertNotEquals(new TokenBook(seeded(2), 0).issue(IP, TARGET, 0), token);
});

Deno.test("TokenBook.accepts() refuses guesses of any length", () => {
  const book = new TokenBook(seeded(1), 0);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (guess) => {
    assert(!book.accepts(guess, IP, TARGET, 0));
  }));
});
