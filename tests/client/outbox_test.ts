import { assertEquals } from "@std/assert";
import { Outbox } from "../../src/client/outbox.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import type { ByteConnection } from "../../src/io/transport.ts";
import type { BlockRange } from "../../src/wire/messages/message.ts";

/** A connection that keeps what is written; each write waits until it is let through. */
function connection() {
  const writes: Uint8Array[] = [];
  let open = () => {}, gate = Promise.resolve();
  const stream: ByteConnection = {
    local: undefined,
    remote: undefined,
    read: () => Promise.resolve(null),
    write: async (bytes) => {
      writes.push(bytes.slice());
      await gate;
    },
    close: () => {},
  };
  const block = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    open = resolve;
  };
  return { stream, writes, block, unblock: () => open() };
}

function outbox(stream: ByteConnection, clock = new VirtualClock()) {
  const sent: BlockRange[] = [], unread: BlockRange[] = [], failures: unknown[] = [];
  const box = new Outbox({
    connection: stream,
    clock,
    readBlock: (range, into) => {
      if (range.piece === 9) return Promise.reject(new Error("gone"));
      into.fill(range.piece);
      return Promise.resolve();
    },
    onSent: (ranges) => sent.push(...ranges),
    onReadFailed: (range) => unread.push(range),
    onFailed: (error) => failures.push(error),
  });
  return { box, sent, unread, failures };
}

const settle = async () => {
  for (let i = 0; i < 500; i++) await undefined;
};

Deno.test("Outbox gathers messages of one turn into one write", async () => {
  const { stream, writes } = connection(), { box } = outbox(stream);
  box.send(Uint8Array.of(1));
  box.send(Uint8Array.of(2, 3));
  await settle();
  assertEquals(writes, [Uint8Array.of(1, 2, 3)]);
});

Deno.test("Outbox reads blocks behind their headers, gathers them, and reports each", async () => {
  const { stream, writes } = connection(), { box, sent } = outbox(stream);
  const ranges = [{ piece: 1, begin: 0, length: 2 }, { piece: 2, begin: 16384, length: 1 }];
  for (const range of ranges) box.sendBlock(range);
  await settle();
  assertEquals(writes.length, 1);
  assertEquals([...writes[0]!.subarray(0, 15)], [0, 0, 0, 11, 7, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1]);
  assertEquals([...writes[0]!.subarray(15)], [0, 0, 0, 10, 7, 0, 0, 0, 2, 0, 0, 64, 0, 2]);
  assertEquals(sent, ranges);
});

Deno.test("Outbox gives up on a peer that does not read, also if all that waits is in no hurry", async () => {
  const { stream, block } = connection(), { box, failures } = outbox(stream);
  block();
  box.send(Uint8Array.of(1));
  await settle();
  for (let i = 0; i < 8; i++) box.sendLater(new Uint8Array(1 << 20));
  assertEquals(failures.length, 0);
  box.sendLater(Uint8Array.of(2));
  assertEquals(failures.length, 1);
  assertEquals(box.waitingLength, 0);
});

Deno.test("Outbox does not blame a peer for the `have`s of a great torrent", async () => {
  const { stream, writes, block, unblock } = connection(), { box, failures } = outbox(stream);
  block();
  box.send(Uint8Array.of(1));
  await settle();
  box.sendLater(new Uint8Array(2 << 20));
  box.send(Uint8Array.of(2));
  unblock();
  await settle();
  assertEquals([failures.length, ...writes.map(({ length }) => length)], [0, 1, (2 << 20) + 1]);
});

Deno.test("Outbox does not send patient messages at once because something was being sent when they came", async () => {
  const { stream, writes, block, unblock } = connection(), clock = new VirtualClock();
  const { box } = outbox(stream, clock);
  block();
  box.send(Uint8Array.of(1));
  await settle();
  box.sendLater(Uint8Array.of(2));
  unblock();
  await settle();
  assertEquals(writes, [Uint8Array.of(1)]);
  box.send(Uint8Array.of(3));
  await settle();
  assertEquals(writes, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
});

Deno.test("Outbox lets messages overtake blocks that wait", async () => {
  const { stream, writes, block, unblock } = connection(), { box } = outbox(stream);
  block();
  for (let begin = 0; begin < 40; begin++) box.sendBlock({ piece: 1, begin, length: 16384 });
  await settle();
  box.send(Uint8Array.of(99));
  unblock();
  await settle();
  assertEquals(writes[1], Uint8Array.of(99));
  assertEquals(writes.map(({ length }) => length).reduce((a, b) => a + b), 40 * 16397 + 1);
  assertEquals(writes.every(({ length }) => length <= 256 * 1024), true);
});

Deno.test("Outbox passes over a block that cannot be read", async () => {
  const { stream, writes } = connection(), { box, sent, unread } = outbox(stream);
  box.sendBlock({ piece: 9, begin: 0, length: 1 });
  box.sendBlock({ piece: 1, begin: 0, length: 1 });
  await settle();
  assertEquals([unread.length, sent.length, writes.length], [1, 1, 1]);
});

Deno.test("Outbox gives up on a peer that does not read, and on a broken connection", async () => {
  const { stream, block } = connection(), { box, failures } = outbox(stream);
  block();
  for (let i = 0; i < 20; i++) box.send(new Uint8Array(64 * 1024));
  assertEquals(failures.length, 1);
  box.send(new Uint8Array(1));
  await settle();
  assertEquals(failures.length, 1);
  const broken = outbox({ ...stream, write: () => Promise.reject(new Error("reset")) });
  broken.box.send(Uint8Array.of(1));
  await settle();
  assertEquals(broken.failures.length, 1);
});

Deno.test("Outbox keeps what is in no hurry for the next write, a tenth of a second at most", async () => {
  const { stream, writes } = connection(), clock = new VirtualClock(), { box } = outbox(stream, clock);
  box.sendLater(Uint8Array.of(1));
  box.send(Uint8Array.of(2));
  await settle();
  assertEquals(writes, [Uint8Array.of(1, 2)]);
  box.sendLater(Uint8Array.of(3));
  box.sendLater(Uint8Array.of(4));
  await clock.advance(99);
  assertEquals(writes.length, 1);
  await clock.advance(1);
  assertEquals(writes[1], Uint8Array.of(3, 4));
  box.sendLater(Uint8Array.of(5));
  box.close();
  await clock.advance(200);
  assertEquals(writes.length, 2);
});
