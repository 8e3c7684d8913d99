import { assertEquals } from "@std/assert";
import { parseTrackerUrl } from "../../../src/tracker/messages/tracker_url.ts";

Deno.test("parseTrackerUrl() takes URLs of every kind of tracker apart", () => {
  const rows = [
    ["udp://tracker.example.com:80/dir?a=b&c=d", "udp", "tracker.example.com", 80, "/dir?a=b&c=d"],
    ["udp://tracker.example.com:80", "udp", "tracker.example.com", 80, ""],
    ["udp://[2001:db8::1]:6969/announce", "udp", "2001:db8::1", 6969, "/announce"],
    ["http://tracker.example.com/announce", "http", "tracker.example.com", 80, "/announce"],
    [
      "https://tracker.example.com/announce?passkey=1",
      "https",
      "tracker.example.com",
      443,
      "/announce?passkey=1",
    ],
    ["http://[::1]:8000/announce", "http", "::1", 8000, "/announce"],
    ["wss://tracker.example.com", "wss", "tracker.example.com", 443, "/"],
    ["ws://tracker.example.com:8000/", "ws", "tracker.example.com", 8000, "/"],
  ] as const;
  for (const [text, protocol, host, port, urlData] of rows) {
    assertEquals(parseTrackerUrl(text), { protocol, host, port, urlData });
  }
});

Deno.test("parseTrackerUrl() refuses what cannot be announced to", () => {
  for (
    const text of [
      "",
      "tracker.example.com",
      "ftp://tracker.example.com/announce",
      "udp://tracker.example.com/announce",
      "udp://tracker.example.com:0",
      "http://",
      "file:///announce",
      "constructor://x:1",
      "http://tracker.example.com/announce?info_hash=abc",
      `http://tracker.example.com/${"x".repeat(2048)}`,
    ]
  ) assertEquals(parseTrackerUrl(text), undefined, text);
});
