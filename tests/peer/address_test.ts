import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DecodeError } from "../../src/errors.ts";
import { formatPeerAddress, parsePeerAddress } from "../../src/peer/address.ts";
import { address } from "./arbitrary.ts";

Deno.test("parsePeerAddress() undoes formatPeerAddress()", () => {
  fc.assert(fc.property(address, (peer) => assertEquals(parsePeerAddress(formatPeerAddress(peer)), peer)));
  assertEquals(formatPeerAddress({ host: "::1", port: 80 }), "[::1]:80");
  assertEquals(parsePeerAddress("[::ffff:1.2.3.4]:65535"), { host: "1.2.3.4", port: 65535 });
});

Deno.test("parsePeerAddress() refuses names, bad ports and misplaced brackets", () => {
  const bad = [
    "",
    "1.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:0",
    "1.2.3.4:080",
    "1.2.3.4:65536",
    "1.2.3.4:123456",
    "::1:80",
    "[::1]",
    "[1.2.3.4]:80",
    "example.org:80",
    "[::1%1]:80",
    "1.2.3.4:80 ",
  ];
  for (const text of bad) assertThrows(() => parsePeerAddress(text), DecodeError);
});
