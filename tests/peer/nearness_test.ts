import { assertEquals } from "@std/assert";
import { mayName, nearnessOf } from "../../src/peer/nearness.ts";

Deno.test("nearnessOf() tells the internet, our network and this machine apart, and what is no place for a peer", () => {
  const examples: Readonly<Record<string, number | undefined>> = {
    "1.2.3.4": 0,
    "2a00::1": 0,
    "10.0.0.1": 1,
    "100.64.0.1": 1,
    "169.254.1.1": 1,
    "172.16.0.1": 1,
    "192.168.1.1": 1,
    "fd00::1": 1,
    "fe80::1": 1,
    "fec0::1": 1,
    "127.0.0.1": 2,
    "::1": 2,
    "0.0.0.0": undefined,
    "0.1.2.3": undefined,
    "::": undefined,
    "224.0.0.1": undefined,
    "255.255.255.255": undefined,
    "ff02::1": undefined,
    "example.org": undefined,
  };
  for (const [host, nearness] of Object.entries(examples)) assertEquals(nearnessOf(host), nearness, host);
});

Deno.test("mayName() believes in an address that is as near as its witness, or farther", () => {
  const hosts = ["1.2.3.4", "2a00::1", "10.0.0.1", "fd00::1", "127.0.0.1", "fe80::1", "0.0.0.0", "224.0.0.1"];
  const believed = (witness: string) => hosts.filter((host) => mayName(witness, host));
  assertEquals(believed("5.6.7.8"), ["1.2.3.4", "2a00::1"]);
  assertEquals(believed("192.168.1.1"), ["1.2.3.4", "2a00::1", "10.0.0.1", "fd00::1"]);
  assertEquals(believed("127.0.0.1"), ["1.2.3.4", "2a00::1", "10.0.0.1", "fd00::1", "127.0.0.1"]);
});
