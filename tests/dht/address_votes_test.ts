import { assert, assertEquals } from "@std/assert";
import { AddressVotes } from "../../src/dht/address_votes.ts";
import { seeded } from "./virtual_dht.ts";

const OURS = "5.6.7.8";

Deno.test("AddressVotes.vote() settles when four networks agree", () => {
  const votes = new AddressVotes();
  const results = [1, 2, 3, 4].map((i) => votes.vote(`20.${i}.0.1`, OURS));
  assertEquals(results, [undefined, undefined, undefined, OURS]);
});

Deno.test("AddressVotes.vote() counts a network once", () => {
  const votes = new AddressVotes();
  for (let i = 1; i < 250; i++) assertEquals(votes.vote(`20.1.1.${i}`, OURS), undefined);
});

Deno.test("AddressVotes.vote() wants more than half", () => {
  const votes = new AddressVotes();
  for (let i = 0; i < 20; i++) votes.vote(`20.${i}.0.1`, OURS);
  for (let i = 0; i < 12; i++) assertEquals(votes.vote(`30.${i}.0.1`, "6.6.6.6"), undefined);
});

Deno.test("AddressVotes.vote() does not listen to or believe in local networks", () => {
  const votes = new AddressVotes();
  for (let i = 0; i < 20; i++) {
    assertEquals(votes.vote(`192.168.${i}.1`, OURS), undefined);
    assertEquals(votes.vote(`20.${i}.0.1`, "10.0.0.1"), undefined);
  }
});

Deno.test("AddressVotes.vote() keeps to one address while we have two", () => {
  const votes = new AddressVotes(), random = seeded(3);
  let settled: string | undefined, changes = 0;
  for (let i = 0; i < 2000; i++) {
    const agreed = votes.vote(`20.${i >> 8}.${i & 255}.1`, random() < 0.5 ? OURS : "9.9.9.9", settled);
    if (agreed === undefined || agreed === settled) continue;
    settled = agreed;
    changes++;
  }
  assert(settled !== undefined && changes <= 2, `${changes} changes`);
});

Deno.test("AddressVotes.vote() follows when the address changes", () => {
  const votes = new AddressVotes();
  for (let i = 0; i < 32; i++) votes.vote(`20.${i}.0.1`, OURS);
  const results = Array.from({ length: 32 }, (_, i) => votes.vote(`20.${i}.0.1`, "9.9.9.9", OURS));
  assertEquals(results.at(-1), "9.9.9.9");
});
