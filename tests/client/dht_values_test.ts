import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSigner } from "../../src/bytes/ed25519.ts";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import { survey } from "../../src/client/dht_survey.ts";
import { findValue, storeValue } from "../../src/client/dht_values.ts";
import { StateError } from "../../src/errors.ts";
import type { DhtRunner } from "../../src/io/dht_runner.ts";

const HASH = new Uint8Array(20).fill(7);

/** Two nodes on loopback that know each other. */
async function withPair(body: (nodes: readonly DhtRunner[], clients: readonly Client[]) => Promise<void>) {
  const start = (nodes: { host: string; port: number }[]) =>
    createClient({ host: "127.0.0.1", port: false, resume: false, dht: { routers: [], nodes } });
  await using first = await start([]);
  await using second = await start([await first.dhtAddress()]);
  const nodes = [await first.dht(), await second.dht()];
  nodes[0]!.addNode(await second.dhtAddress());
  await Promise.all(nodes.map((node) => node.ready()));
  await body(nodes, [first, second]);
}

Deno.test("storeValue() and findValue() agree on values of every kind", () =>
  withPair(async ([a, b]) => {
    const stored = await storeValue(a!, { list: [1, "two"], bytes: new Uint8Array(3) });
    assertEquals([stored.nodes, stored.refusals, stored.newer], [1, [], undefined]);
    const found = await findValue(b!, { type: "immutable", target: stored.target });
    assertEquals([found.item, found.target], [stored.item, stored.target]);
    const nobody = await findValue(b!, { type: "immutable", target: HASH });
    assertEquals([nobody.item, nobody.report.replies], [undefined, 1]);
    await assertRejects(() => storeValue(a!, new Uint8Array(997)), RangeError);
  }));

Deno.test("storeValue() counts versions up, and tells of a newer one", () =>
  withPair(async ([a, b]) => {
    const signer = await createSigner(new Uint8Array(32).fill(7));
    const salt = encodeUtf8("salt"), key = { signer, salt };
    const seqs = [];
    for (const value of ["one", "two"]) {
      const { item } = await storeValue(a!, value, key);
      assert(item.type === "mutable");
      seqs.push(item.seq);
    }
    assertEquals(seqs, [0n, 1n]);
    const old = await storeValue(a!, "old", { ...key, seq: 0n });
    assertEquals([old.nodes, old.newer?.seq], [0, 1n]);
    const { item } = await findValue(b!, { type: "mutable", publicKey: signer.publicKey, salt });
    assertEquals(item?.value, encodeUtf8("3:two"));
  }));

Deno.test("survey() asks every node once, and ends", () =>
  withPair(async ([a, b]) => {
    for await (const _ of a!.run({ type: "announce", infoHash: HASH, port: 1 }));
    const samples = await Array.fromAsync(survey(a!, { spacingMs: 0 }));
    assertEquals(samples.map(({ infoHashes }) => infoHashes), [[HASH]]);
    assertEquals(samples[0]!.from, a!.nodes()[0]!.address);
    assertEquals(b!.stats().infoHashes, 1);
  }));

Deno.test("survey() can be left early, is stopped by a signal, and ends with its node", () =>
  withPair(async ([a], [first]) => {
    for await (const _ of a!.run({ type: "announce", infoHash: HASH, port: 1 }));
    for await (const { infoHashes } of survey(a!)) {
      assertEquals(infoHashes, [HASH]);
      break;
    }
    const reason = new Error("enough"), abort = new AbortController();
    const aborted = Array.fromAsync(survey(a!, { signal: abort.signal, spacingMs: 60_000 }));
    abort.abort(reason);
    assertEquals(await aborted.catch((error) => error), reason);
    await first!.close();
    await assertRejects(() => Array.fromAsync(survey(a!)), StateError);
  }));
