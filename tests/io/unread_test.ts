import { assertEquals } from "@std/assert";
import type { ByteConnection } from "../../src/io/transport.ts";
import { unread } from "../../src/io/unread.ts";

/** A connection that gives one more read, and tells what it was asked. */
function scripted(log: string[]): ByteConnection {
  const address = { host: "10.0.0.1", port: 1 };
  return {
    local: address,
    remote: address,
    read: (into) => {
      log.push("read");
      into[0] = 9;
      return Promise.resolve(1);
    },
    write: (bytes) => {
      log.push(`write ${bytes}`);
      return Promise.resolve();
    },
    close: () => log.push("close"),
  };
}

Deno.test("unread() gives the bytes in as many reads as they need, then those of the connection", async () => {
  const log: string[] = [], connection = unread(scripted(log), Uint8Array.of(1, 2, 3, 4, 5));
  const reads: number[][] = [];
  for (let i = 0; i < 4; i++) {
    const into = new Uint8Array(2), count = await connection.read(into);
    reads.push([...into.subarray(0, count!)]);
  }
  assertEquals(reads, [[1, 2], [3, 4], [5], [9]]);
  assertEquals(log, ["read"]);
});

Deno.test("unread() passes everything else on, and gives nothing after close", async () => {
  const log: string[] = [], inner = scripted(log), connection = unread(inner, Uint8Array.of(1));
  assertEquals([connection.local, connection.remote], [inner.local, inner.remote]);
  await connection.write(Uint8Array.of(7));
  connection.close();
  await connection.read(new Uint8Array(2));
  assertEquals(log, ["write 7", "close", "read"]);
});

Deno.test("unread() of nothing is the connection itself", () => {
  const inner = scripted([]);
  assertEquals(unread(inner, new Uint8Array()) === inner, true);
});
