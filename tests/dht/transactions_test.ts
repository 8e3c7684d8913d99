import { assert, assertEquals } from "@std/assert";
import { MAX_TRANSACTIONS, Transactions } from "../../src/dht/transactions.ts";
import { seeded } from "./virtual_dht.ts";

const A = { host: "1.1.1.1", port: 1 }, B = { host: "2.2.2.2", port: 2 };

function make(): Transactions<string> {
  return new Transactions<string>(seeded(1));
}

Deno.test("Transactions.close() wants the right id from the right address, once", () => {
  const transactions = make(), { id } = transactions.open(A, "x", 0);
  const wrong = id.slice();
  wrong[3]! ^= 1;
  assertEquals(transactions.close(wrong, A, 1), undefined);
  assertEquals(transactions.close(id, B, 1), undefined);
  assertEquals(transactions.close(id, { host: A.host, port: 2 }, 1), undefined);
  assertEquals(transactions.close(id.subarray(0, 2), A, 1), undefined);
  assertEquals(transactions.close(id, A, 1)?.purpose, "x");
  assertEquals(transactions.close(id, A, 1), undefined);
});

Deno.test("Transactions.overdue() tells each query late once, then failed once", () => {
  const transactions = make(), { lateAt, failAt } = transactions.open(A, "x", 0);
  assertEquals(transactions.deadline(), lateAt);
  assertEquals(transactions.overdue(lateAt - 1), { late: [], failed: [] });
  assertEquals(transactions.overdue(lateAt).late.map(({ purpose }) => purpose), ["x"]);
  assertEquals(transactions.overdue(lateAt + 1), { late: [], failed: [] });
  assertEquals(transactions.deadline(), failAt);
  assertEquals(transactions.overdue(failAt).failed.map(({ purpose }) => purpose), ["x"]);
  assertEquals([transactions.size, transactions.deadline()], [0, Infinity]);
});

Deno.test("Transactions.overdue() does not tell late what has failed already", () => {
  const transactions = make(), { failAt } = transactions.open(A, "x", 0);
  const { late, failed } = transactions.overdue(failAt);
  assertEquals([late.length, failed.length], [0, 1]);
});

Deno.test("Transactions.close() takes late replies", () => {
  const transactions = make(), { id, lateAt } = transactions.open(A, "x", 0);
  transactions.overdue(lateAt);
  assertEquals(transactions.close(id, A, lateAt + 1)?.late, true);
});

Deno.test("Transactions.deadline() is that of the earliest", () => {
  const transactions = make();
  const first = transactions.open(A, "x", 0), second = transactions.open(B, "y", 10);
  assertEquals(transactions.deadline(), first.lateAt);
  transactions.close(first.id, A, 20);
  assertEquals(transactions.deadline(), second.lateAt);
});

Deno.test("Transactions.open() waits shorter where replies are quick", () => {
  const transactions = make(), first = transactions.open(A, "x", 0);
  for (let i = 0; i < 50; i++) {
    const { id } = transactions.open(A, "x", i * 100);
    transactions.close(id, A, i * 100 + 30);
  }
  const later = transactions.open(A, "x", 10_000);
  assert(later.lateAt - 10_000 < first.lateAt);
});

Deno.test("Transactions.awaits() knows addresses with open queries", () => {
  const transactions = make(), one = transactions.open(A, "x", 0), two = transactions.open(A, "y", 0);
  transactions.close(one.id, A, 1);
  assert(transactions.awaits(A) && !transactions.awaits(B));
  transactions.close(two.id, A, 1);
  assert(!transactions.awaits(A));
});

Deno.test("Transactions.heardSince() tells a dead link from a dead node", () => {
  const transactions = make(), { id } = transactions.open(A, "x", 0);
  assert(!transactions.heardSince(0));
  transactions.close(id, A, 50);
  assert(transactions.heardSince(50) && !transactions.heardSince(51));
});

Deno.test("Transactions.isFull tells when to stop", () => {
  const transactions = make();
  const ids = new Set<string>();
  for (let i = 0; i < MAX_TRANSACTIONS; i++) ids.add(transactions.open(A, "x", 0).id.join());
  assert(transactions.isFull);
  assertEquals(ids.size, MAX_TRANSACTIONS);
});
