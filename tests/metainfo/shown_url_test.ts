import { assertEquals } from "@std/assert";
import { shownUrl } from "../../src/metainfo/shown_url.ts";

Deno.test("shownUrl() shows scheme, host and port, and nothing that may be a secret", () => {
  const rows = [
    ["http://tracker.example/secret/announce", "http://tracker.example"],
    ["https://tracker.example:8443/announce?passkey=secret#secret", "https://tracker.example:8443"],
    ["http://user:secret@tracker.example/announce", "http://tracker.example"],
    ["udp://tracker.example:6969/secret", "udp://tracker.example:6969"],
    ["udp://tracker.example/secret", "udp://tracker.example"],
    ["http://[2001:DB8::1]:80/secret", "http://[2001:db8::1]"],
    ["wss://tracker.example?secret", "wss://tracker.example"],
    ["ftp://user:secret@tracker.example/secret", "ftp://tracker.example"],
    // No URLs, but perhaps meant to be.
    ["tracker.example/secret/announce", "tracker.example"],
    ["user:secret@tracker.example/announce", "tracker.example"],
    ["http://tracker example:x/secret", "http://tracker example:x"],
    ["tracker", "tracker"],
    ["", ""],
    ["x".repeat(5000), "x".repeat(100)],
  ] as const;
  for (const [text, shown] of rows) assertEquals(shownUrl(text), shown, text);
});
