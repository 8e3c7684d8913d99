import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { formatIp } from "../../src/peer/ip.ts";
import { peerPriority } from "../../src/peer/priority.ts";

function priority(ours: string, theirs: string): string {
  return peerPriority({ host: ours, port: 1 }, { host: theirs, port: 2 }).toString(16).padStart(8, "0");
}

Deno.test("peerPriority() agrees with the vectors of BEP 40", () => {
  assertEquals(priority("123.213.32.10", "98.76.54.32"), "ec2d7224");
  assertEquals(priority("123.213.32.10", "123.213.32.234"), "99568189");
});

Deno.test("peerPriority() unmasks byte by byte as the networks get closer", () => {
  assertEquals(priority("230.12.23.1", "230.12.123.3"), "21fd5f80");
  assertEquals(priority("2001:db8::1", "2001:db8:1::1"), "df8e1c1a");
  assertEquals(priority("2001:db8:1:ff00::ffff", "2001:db8:1:aa00::ffff"), "5ae1f9f3");
  assertEquals(priority("2001:db8:1:1:ffff::1", "2001:db8:1:2:ffff::1"), "abf515bd");
});

Deno.test("peerPriority() takes the ports of equal hosts", () => {
  const ours = { host: "192.0.2.1", port: 1234 }, theirs = { host: "192.0.2.1", port: 300 };
  assertEquals(peerPriority(ours, theirs), 0xae8b7034);
  assertEquals(peerPriority(theirs, ours), 0xae8b7034);
});

Deno.test("peerPriority() is the same from both ends, and masks hosts of one far-away network alike", () => {
  const ip = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const address = fc.record({ host: ip.map(formatIp), port: fc.integer({ min: 1, max: 65535 }) });
  fc.assert(fc.property(address, address, (a, b) => {
    const value = peerPriority(a, b);
    assertEquals(value, peerPriority(b, a));
    assertEquals(value, value >>> 0);
  }));
  assertEquals(priority("123.213.32.10", "98.76.54.32"), priority("123.213.32.10", "98.76.52.32"));
});

Deno.test("peerPriority() refuses names", () => {
  assertThrows(() => priority("example.org", "192.0.2.1"), RangeError);
});
