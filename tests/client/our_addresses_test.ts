import { assertEquals } from "@std/assert";
import { OurAddresses } from "../../src/client/our_addresses.ts";

Deno.test("OurAddresses believes peers of several networks before a tracker, and the DHT before both (BEP 10, 24, 42)", () => {
  const ours = new OurAddresses();
  assertEquals(ours.hear("0.0.0.0", "tracker"), false);
  assertEquals(ours.hear("203.0.113.1", "tracker"), true);
  assertEquals(ours.hear("203.0.113.2", "tracker"), false);
  assertEquals(ours.hear("2600:1::1", "tracker"), true);
  assertEquals(ours.hear("203.0.113.3", "peers"), true);
  assertEquals(ours.hear("203.0.113.1", "tracker"), false);
  assertEquals(ours.hear("203.0.113.4", "peers"), true);
  assertEquals(ours.hear("203.0.113.5", "dht"), true);
  assertEquals(ours.hear("203.0.113.4", "peers"), false);
  assertEquals(ours.hear("203.0.113.6", "dht"), true);
  assertEquals(ours.hosts(), ["203.0.113.6", "2600:1::1"]);
});
