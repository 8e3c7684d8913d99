import { assertEquals, assertInstanceOf, assertNotEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { TransportError } from "../../src/errors.ts";
import { seededRandom } from "../../src/io/memory/seeded_random.ts";
import { VirtualClock } from "../../src/io/memory/virtual_clock.ts";
import { VirtualNetwork } from "../../src/io/memory/virtual_network.ts";
import {
  acceptEncrypted,
  type AcceptEncryptedOptions,
  type AgreedConnection,
  connectEncrypted,
  type ConnectEncryptedOptions,
} from "../../src/io/mse_connection.ts";
import type { ByteConnection } from "../../src/io/transport.ts";
import { skeyHash } from "../../src/mse/keys.ts";
import { SkeyIndex } from "../../src/mse/skey_index.ts";
import { encodeHandshake } from "../../src/wire/messages/handshake.ts";

const INFO_HASH = new Uint8Array(20).fill(0x11);
const TORRENTS = new SkeyIndex();
TORRENTS.add(INFO_HASH);
const HELLO = encodeHandshake({
  reserved: new Uint8Array(8),
  infoHash: INFO_HASH,
  peerId: new Uint8Array(20).fill(7),
});

/** Two ends of a virtual connection, the dialler's first. */
async function connect(clock: VirtualClock): Promise<readonly [ByteConnection, ByteConnection]> {
  const network = new VirtualNetwork({ clock });
  const listener = await network.host("10.0.0.1").listen({ port: 1 });
  const accepted = listener[Symbol.asyncIterator]().next();
  const dialled = network.host("10.0.0.2").dial({ host: "10.0.0.1", port: 1 });
  const [ours, { value: theirs }] = (await clock.runUntil(Promise.all([dialled, accepted])))!;
  listener.close();
  return [ours, theirs as ByteConnection];
}

function connecting(clock: VirtualClock, options: Partial<ConnectEncryptedOptions>): ConnectEncryptedOptions {
  return { clock, random: seededRandom(1), infoHash: INFO_HASH, ...options };
}

function accepting(clock: VirtualClock, options: Partial<AcceptEncryptedOptions>): AcceptEncryptedOptions {
  return { clock, random: seededRandom(2), findInfoHash: (hash) => TORRENTS.find(hash), ...options };
}

/** Both sides agreed, the dialler first. */
async function agree(
  clock: VirtualClock,
  options: { connect?: Partial<ConnectEncryptedOptions>; accept?: Partial<AcceptEncryptedOptions> } = {},
): Promise<readonly [AgreedConnection, AgreedConnection]> {
  const [ours, theirs] = await connect(clock);
  return (await clock.runUntil(Promise.all([
    connectEncrypted(ours, connecting(clock, options.connect ?? {})),
    acceptEncrypted(theirs, accepting(clock, options.accept ?? {})),
  ])))!;
}

async function readExactly(connection: ByteConnection, length: number, chunk = 1000): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let left = length; left > 0;) {
    const into = new Uint8Array(Math.min(left, chunk)), count = await connection.read(into);
    if (count === null) throw new Error(`${left} bytes are missing`);
    parts.push(into.subarray(0, count));
    left -= count;
  }
  return concat(parts);
}

for (const method of ["rc4", "plaintext"] as const) {
  Deno.test(`connectEncrypted() and acceptEncrypted() carry a stream both ways (${method})`, async () => {
    const clock = new VirtualClock();
    const [a, b] = await agree(clock, { connect: { methods: [method] } });
    assertEquals([a.encryption, b.encryption, b.infoHash], [method, method, INFO_HASH]);
    const messages = [1, 17, 16_397, 300_000, 5].map((length, i) =>
      Uint8Array.from({ length }, (_, at) => at * 7 + i)
    );
    const expected = concat(messages);
    for (const [from, to] of [[a.connection, b.connection], [b.connection, a.connection]] as const) {
      const writing = (async () => {
        for (const message of messages) {
          const before = message.slice();
          await from.write(message);
          assertEquals(message, before);
        }
      })();
      const [read] = (await clock.runUntil(Promise.all([readExactly(to, expected.length), writing])))!;
      assertEquals(read, expected);
    }
    a.connection.close();
    assertEquals(await clock.runUntil(b.connection.read(new Uint8Array(1))), null);
    assertEquals(b.connection.remote?.host, "10.0.0.2");
    assertEquals(a.connection.remote, { host: "10.0.0.1", port: 1 });
    assertEquals(a.connection.local, b.connection.remote);
    assertEquals(a.connection.remote, b.connection.local);
    b.connection.close();
  });
}

Deno.test("writes of an encrypted connection that overlap keep their order", async () => {
  const clock = new VirtualClock(), [a, b] = await agree(clock);
  const messages = [3, 100_000, 200_000, 4].map((length, i) => new Uint8Array(length).fill(i + 1));
  const writes = Promise.all(messages.map((message) => a.connection.write(message)));
  const read = await clock.runUntil(readExactly(b.connection, 300_007));
  await clock.runUntil(writes);
  assertEquals(read, concat(messages));
  a.connection.close();
  b.connection.close();
});

Deno.test("connectEncrypted() lets the first bytes ride along: they come in the first read", async () => {
  const clock = new VirtualClock(), [a, b] = await agree(clock, { connect: { initialPayload: HELLO } });
  const first = new Uint8Array(1024);
  assertEquals(await b.connection.read(first), 68);
  assertEquals(first.subarray(0, 68), HELLO);
  await a.connection.write(Uint8Array.of(1, 2, 3));
  assertEquals(await clock.runUntil(readExactly(b.connection, 3)), Uint8Array.of(1, 2, 3));
  a.connection.close();
  b.connection.close();
});

Deno.test("acceptEncrypted() gives the first bytes in parts to small reads, and none after close", async () => {
  const clock = new VirtualClock(), [a, b] = await agree(clock, { connect: { initialPayload: HELLO } });
  assertEquals(await readExactly(b.connection, 60, 7), HELLO.subarray(0, 60));
  b.connection.close();
  assertEquals(await b.connection.read(new Uint8Array(10)), null);
  a.connection.close();
});

Deno.test("nothing that an encrypted connection sends shows the torrent or the protocol", async () => {
  const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
  const seen: Uint8Array[] = [];
  const tapped: ByteConnection = {
    local: ours.local,
    remote: ours.remote,
    read: (into) => ours.read(into),
    write: (bytes) => {
      seen.push(bytes.slice());
      return ours.write(bytes);
    },
    close: () => ours.close(),
  };
  const [a] = (await clock.runUntil(Promise.all([
    connectEncrypted(tapped, connecting(clock, { initialPayload: HELLO })),
    acceptEncrypted(theirs, accepting(clock, {})),
  ])))!;
  await a.connection.write(HELLO);
  const text = (bytes: Uint8Array) => String.fromCharCode(...bytes), wire = text(concat(seen));
  for (const secret of [HELLO.subarray(1, 20), INFO_HASH, skeyHash(INFO_HASH)]) {
    assertEquals(wire.includes(text(secret)), false);
  }
  a.connection.close();
  theirs.close();
});

for (const policy of ["disabled", "allowed", "preferred"] as const) {
  Deno.test(`acceptEncrypted() of policy "${policy}" passes a plain connection on, from the first byte`, async () => {
    const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
    const accepted = acceptEncrypted(theirs, accepting(clock, { policy }));
    const writing = (async () => {
      for (const byte of HELLO) await ours.write(Uint8Array.of(byte));
    })();
    const { connection, encryption, infoHash } = (await clock.runUntil(accepted))!;
    assertEquals([encryption, infoHash], ["none", undefined]);
    assertEquals(await clock.runUntil(readExactly(connection, 68)), HELLO);
    await writing;
    await connection.write(HELLO);
    assertEquals(await clock.runUntil(readExactly(ours, 68)), HELLO);
    ours.close();
    connection.close();
  });
}

/** The failure of a handshake over virtual time, and that its connection is closed. */
async function assertFails(
  clock: VirtualClock,
  agreement: Promise<AgreedConnection>,
  reason: string,
): Promise<void> {
  const error = await assertRejects(() => clock.runUntil(agreement));
  assertInstanceOf(error, TransportError);
  assertEquals(error.message, `Cannot encrypt connection: ${reason}`);
}

Deno.test("acceptEncrypted() refuses a plain connection where encryption is required", async () => {
  const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
  await ours.write(HELLO);
  const accepted = acceptEncrypted(theirs, accepting(clock, { policy: "required" }));
  await assertFails(clock, accepted, "the peer's handshake is plain where encryption is required");
  assertEquals(await clock.runUntil(ours.read(new Uint8Array(1))), null);
  ours.close();
});

Deno.test("connectEncrypted() says that the peer went away: it may not speak MSE", async () => {
  const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
  const connected = connectEncrypted(ours, connecting(clock, {}));
  theirs.close();
  await assertFails(clock, connected, "the peer closed the connection");
});

Deno.test("connectEncrypted() says what broke the connection", async () => {
  const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
  const broken = new TransportError("Cannot read from connection: no power");
  const connection: ByteConnection = {
    local: undefined,
    remote: undefined,
    read: () => Promise.reject(broken),
    write: (bytes) => ours.write(bytes),
    close: () => ours.close(),
  };
  const error = await assertRejects(
    () => connectEncrypted(connection, connecting(clock, {})),
    TransportError,
    "Cannot encrypt connection: Cannot read from connection: no power",
  );
  assertEquals(error.cause, broken);
  theirs.close();
});

Deno.test("acceptEncrypted() and connectEncrypted() say that there is no method or no torrent in common", async () => {
  for (
    const [options, reason] of [
      [{ methods: ["plaintext"] }, "no method in common"],
      [{ infoHash: new Uint8Array(20) }, "no such torrent"],
    ] as const
  ) {
    const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
    const connected = connectEncrypted(ours, connecting(clock, options));
    connected.catch(() => {});
    await assertFails(clock, acceptEncrypted(theirs, accepting(clock, { policy: "required" })), reason);
    await assertFails(clock, connected, "the peer closed the connection");
  }
});

Deno.test("both give up on a peer that says nothing, and leave no timer behind", async () => {
  const clock = new VirtualClock(), [ours, theirs] = await connect(clock), start = clock.now();
  const limits = { handshakeTimeoutMs: 3000 };
  await assertFails(clock, connectEncrypted(ours, connecting(clock, { limits })), "timed out");
  assertEquals(clock.now() - start, 3000);
  await assertFails(
    clock,
    acceptEncrypted(theirs, accepting(clock, { limits })),
    "the peer closed the connection",
  );
  const [silent, listening] = await connect(clock);
  await assertFails(clock, acceptEncrypted(listening, accepting(clock, { limits })), "timed out");
  silent.close();
  await clock.advance(100);
  assertEquals(clock.nextAt, undefined);
});

Deno.test("both give up with the signal's reason, and close the connection", async () => {
  const reason = new Error("enough");
  for (const isEarly of [true, false]) {
    const clock = new VirtualClock(), abort = new AbortController();
    const [ours, theirs] = await connect(clock), [dialler, listening] = await connect(clock);
    if (isEarly) abort.abort(reason);
    const work = Promise.allSettled([
      connectEncrypted(ours, connecting(clock, { signal: abort.signal })),
      acceptEncrypted(listening, accepting(clock, { signal: abort.signal })),
    ]);
    if (!isEarly) clock.schedule(clock.now() + 5, () => abort.abort(reason));
    const results = (await clock.runUntil(work))!;
    for (const result of results) assertEquals(result, { status: "rejected", reason });
    await clock.advance(100);
    for (const closed of [ours, listening]) await assertRejects(() => closed.write(HELLO), TransportError);
    theirs.close();
    dialler.close();
  }
});

Deno.test("connectEncrypted() refuses a policy without encryption", async () => {
  const clock = new VirtualClock(), [ours, theirs] = await connect(clock);
  await assertRejects(() => connectEncrypted(ours, connecting(clock, { policy: "disabled" })), TypeError);
  ours.close();
  theirs.close();
});

Deno.test("two connections of equal torrents are encrypted differently", async () => {
  const clock = new VirtualClock(), wires: string[] = [];
  for (const seed of [1, 2]) {
    const [ours, theirs] = await connect(clock);
    const connected = connectEncrypted(ours, connecting(clock, { random: seededRandom(seed) }));
    connected.catch(() => {});
    wires.push((await clock.runUntil(readExactly(theirs, 96)))!.join());
    theirs.close();
    await assertFails(clock, connected, "the peer closed the connection");
  }
  assertNotEquals(wires[0], wires[1]);
});
