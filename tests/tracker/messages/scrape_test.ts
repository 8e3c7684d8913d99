import { assertEquals, assertThrows } from "@std/assert";
import { decodeByteString, encodeByteString, encodeUtf8 } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import type { ScrapeResponse } from "../../../src/tracker/messages/announce.ts";
import {
  decodeScrapeQuery,
  decodeScrapeResponse,
  encodeScrapeQuery,
  encodeScrapeResponse,
  scrapeRequestUrl,
  scrapeUrl,
} from "../../../src/tracker/messages/scrape.ts";

const X = encodeUtf8("x".repeat(20)), Y = encodeUtf8("y".repeat(20));

const URLS: readonly (readonly [announce: string, scrape: string | undefined])[] = [
  ["http://example.com/announce", "http://example.com/scrape"],
  ["http://example.com/x/announce", "http://example.com/x/scrape"],
  ["https://example.com/announce.php", "https://example.com/scrape.php"],
  ["http://example.com/announce?x=2%0644", "http://example.com/scrape?x=2%0644"],
  ["http://example.com/announce?x=2/4", "http://example.com/scrape?x=2/4"],
  ["http://example.com/announce?u=/announce", "http://example.com/scrape?u=/announce"],
  ["http://example.com/announce#x", "http://example.com/scrape"],
  ["http://announce.example.com/announce", "http://announce.example.com/scrape"],
  ["http://example.com/announce/announce", "http://example.com/announce/scrape"],
  ["http://example.com/a", undefined],
  ["http://example.com/announce/x", undefined],
  ["http://example.com/announce/", undefined],
  ["http://example.com/x%064announce", undefined],
  ["http://example.com/xannounce", undefined],
  ["http://example.com/?/announce", undefined],
  ["http://announce", undefined],
  ["udp://example.com:80/announce", undefined],
];

Deno.test("scrapeUrl() replaces announce where the last path segment begins with it", () => {
  for (const [announce, scrape] of URLS) assertEquals(scrapeUrl(announce), scrape, announce);
});

Deno.test('scrapeRequestUrl() writes the example of BEP 48 "Example"', () => {
  assertEquals(
    scrapeRequestUrl("http://tracker/announce", [X, Y]),
    "http://tracker/scrape?info_hash=xxxxxxxxxxxxxxxxxxxx&info_hash=yyyyyyyyyyyyyyyyyyyy",
  );
  assertEquals(
    scrapeRequestUrl("http://tracker/announce?key=1", [X]),
    "http://tracker/scrape?key=1&info_hash=xxxxxxxxxxxxxxxxxxxx",
  );
  assertEquals(scrapeRequestUrl("http://tracker/a", [X]), undefined);
});

Deno.test("encodeScrapeQuery() never asks for every torrent", () => {
  assertThrows(() => encodeScrapeQuery([]), RangeError);
  assertThrows(() => encodeScrapeQuery([new Uint8Array(32)]), RangeError);
});

Deno.test("decodeScrapeQuery() reads every info hash and refuses to be asked for every torrent", () => {
  const binary = Uint8Array.from({ length: 20 }, (_, i) => 236 + i);
  assertEquals(decodeScrapeQuery(`?passkey=1&${encodeScrapeQuery([X, binary])}`), [X, binary]);
  for (const query of ["", "passkey=1", "info_hash=", "info_hash=abc", `info_hash=${"%"}`]) {
    assertThrows(() => decodeScrapeQuery(query), DecodeError);
  }
});

const EXAMPLE = "d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19ee" +
  "20:yyyyyyyyyyyyyyyyyyyyd8:completei21e10:downloadedi206e10:incompletei20eeee";

Deno.test('decodeScrapeResponse() reads the example of BEP 48 "Example"', () => {
  const response: ScrapeResponse = {
    type: "scraped",
    swarms: [
      { infoHash: X, complete: 11, incomplete: 19, downloaded: 13772, downloaders: undefined },
      { infoHash: Y, complete: 21, incomplete: 20, downloaded: 206, downloaders: undefined },
    ],
    minIntervalMs: undefined,
  };
  assertEquals(decodeScrapeResponse(decodeByteString(EXAMPLE)), response);
  assertEquals(encodeByteString(encodeScrapeResponse(response)), EXAMPLE);
});

Deno.test("decodeScrapeResponse() undoes encodeScrapeResponse(): binary hashes, downloaders, the least interval", () => {
  const infoHash = Uint8Array.from({ length: 20 }, (_, i) => 246 + i & 255);
  const response: ScrapeResponse = {
    type: "scraped",
    swarms: [{ infoHash, complete: 1, incomplete: 5, downloaded: 9, downloaders: 3 }],
    minIntervalMs: 300_000,
  };
  assertEquals(decodeScrapeResponse(encodeScrapeResponse(response)), response);
  const failure: ScrapeResponse = { type: "failure", reason: "no scrapes here", retryInMs: "never" };
  assertEquals(decodeScrapeResponse(encodeScrapeResponse(failure)), failure);
});

Deno.test("decodeScrapeResponse() passes over entries that are none", () => {
  const text = `d5:filesd3:abcde20:${"x".repeat(20)}i1e20:${"y".repeat(20)}d8:complete1:7eee`;
  assertEquals(decodeScrapeResponse(encodeUtf8(text)), {
    type: "scraped",
    swarms: [{ infoHash: Y, complete: 7, incomplete: 0, downloaded: 0, downloaders: undefined }],
    minIntervalMs: undefined,
  });
});

Deno.test("decodeScrapeResponse() refuses answers without files", () => {
  for (const text of ["de", "d5:filesi1ee", "le", "", "<html>"]) {
    assertThrows(() => decodeScrapeResponse(encodeUtf8(text)), DecodeError);
  }
});
