import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { hostKey, isLocalHost, networkOf, sourceOf } from "../../src/dht/network.ts";

Deno.test("networkOf() gives the /24 of IPv4 and the /64 of IPv6", () => {
  assertEquals(networkOf("1.2.3.4"), networkOf("1.2.3.250"));
  assertNotEquals(networkOf("1.2.3.4"), networkOf("1.2.4.4"));
  assertEquals(networkOf("2001:db8:1:2::1"), networkOf("2001:db8:1:2:ffff::9"));
  assertNotEquals(networkOf("2001:db8:1:2::1"), networkOf("2001:db8:1:3::1"));
});

Deno.test("sourceOf() and hostKey() tell apart by port on this very machine only", () => {
  assertEquals(sourceOf({ host: "1.2.3.4", port: 1 }), sourceOf({ host: "1.2.3.4", port: 2 }));
  assertNotEquals(sourceOf({ host: "1.2.3.4", port: 1 }), sourceOf({ host: "1.2.3.5", port: 1 }));
  assertEquals(sourceOf({ host: "2001:db8::1", port: 1 }), sourceOf({ host: "2001:db8::2", port: 1 }));
  assertNotEquals(hostKey({ host: "2001:db8::1", port: 1 }), hostKey({ host: "2001:db8::2", port: 1 }));
  for (const host of ["127.0.0.1", "::1"]) {
    assertNotEquals(sourceOf({ host, port: 1 }), sourceOf({ host, port: 2 }));
    assertNotEquals(hostKey({ host, port: 1 }), hostKey({ host, port: 2 }));
  }
});

Deno.test("isLocalHost() follows the scope", () => {
  assert(isLocalHost("192.168.1.1") && isLocalHost("fe80::1") && !isLocalHost("8.8.8.8"));
});
