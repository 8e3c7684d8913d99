import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/bencode/encode.ts";
import { createImmutableItem, itemTarget, type MutableItem } from "../../src/dht/item.ts";
import { ItemStore, MAX_ITEMS, MAX_ITEMS_PER_NETWORK } from "../../src/dht/item_store.ts";
import { KRPC_ERRORS } from "../../src/dht/messages/krpc.ts";
import { compareDistance } from "../../src/dht/node_id.ts";
import { encodeCompactPeer } from "../../src/peer/compact_peer.ts";
import { globalAddress } from "./virtual_dht.ts";

const NEAR = new Uint8Array(20), HOUR = 3_600_000, FROM = encodeCompactPeer(globalAddress(1));

function mutable(seq: bigint, value = "v"): MutableItem {
  return {
    type: "mutable",
    publicKey: new Uint8Array(32).fill(5),
    seq,
    value: encode(value),
    signature: new Uint8Array(64),
  };
}

Deno.test("ItemStore.refusal() follows the rules of seq and cas", () => {
  const store = new ItemStore();
  assertEquals(store.refusal(mutable(5n), 3n), undefined, "cas is ignored where nothing is stored");
  store.put(mutable(5n), { from: FROM, near: NEAR }, 0);
  const { seqTooOld, casMismatch } = KRPC_ERRORS;
  assertEquals(store.refusal(mutable(4n), undefined), seqTooOld);
  assertEquals(store.refusal(mutable(5n), undefined), undefined, "the same again keeps it alive");
  assertEquals(store.refusal(mutable(5n, "w"), undefined), seqTooOld);
  assertEquals(store.refusal(mutable(6n), undefined), undefined);
  assertEquals(store.refusal(mutable(6n), 5n), undefined);
  assertEquals(store.refusal(mutable(6n), 4n), casMismatch);
  assertEquals(store.refusal(mutable(4n), 4n), casMismatch);
});

Deno.test("ItemStore.expire() forgets after two hours without a put", () => {
  const store = new ItemStore(), item = createImmutableItem("a");
  store.put(item, { from: FROM, near: NEAR }, 0);
  store.put(createImmutableItem("b"), { from: FROM, near: NEAR }, 0);
  store.put(item, { from: FROM, near: NEAR }, HOUR);
  store.expire(2 * HOUR);
  assertEquals([store.size, store.get(itemTarget(item))], [1, item]);
  store.expire(3 * HOUR);
  assertEquals(store.size, 0);
});

Deno.test("ItemStore.put() keeps its limit and what is near our id", () => {
  const store = new ItemStore(),
    items = Array.from({ length: 3 * MAX_ITEMS }, (_, i) => createImmutableItem(i));
  for (const item of items) store.put(item, { from: FROM, near: NEAR }, 0);
  assert(store.size <= MAX_ITEMS);
  const targets = items.map(itemTarget).sort((a, b) => compareDistance(NEAR, a, b));
  assert(targets.slice(0, MAX_ITEMS / 2).every((target) => store.get(target) !== undefined));
});

Deno.test("ItemStore.isSpent() counts by network what it was the first to store, until that is forgotten", () => {
  const store = new ItemStore(), item = (i: number) => createImmutableItem(i);
  const other = encodeCompactPeer(globalAddress(2)), fresh = item(-1);
  for (let i = 0; i < MAX_ITEMS_PER_NETWORK; i++) {
    assert(!store.isSpent(item(i), FROM));
    store.put(item(i), { from: FROM, near: NEAR }, 0);
  }
  assert(store.isSpent(fresh, FROM) && !store.isSpent(item(0), FROM) && !store.isSpent(fresh, other));
  store.put(item(0), { from: other, near: NEAR }, HOUR);
  assert(!store.isSpent(fresh, other), "who renews an item does not become the first");
  store.expire(2 * HOUR);
  assert(!store.isSpent(fresh, FROM));
  for (let i = 1; i < MAX_ITEMS_PER_NETWORK; i++) store.put(item(i), { from: FROM, near: NEAR }, 2 * HOUR);
  assert(store.isSpent(fresh, FROM));
  for (let i = 0; i < MAX_ITEMS; i++) store.put(item(1000 + i), { from: other, near: NEAR }, 2 * HOUR);
  assert(!store.isSpent(fresh, FROM), "some of them had to go");
});
