import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Bencodable, encode } from "../../../src/bencode/encode.ts";
import { decodeByteString, decodeHex, encodeByteString, encodeUtf8 } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../../src/tracker/messages/announce.ts";
import {
  announceUrl,
  decodeAnnounceQuery,
  decodeAnnounceResponse,
  encodeAnnounceQuery,
  encodeAnnounceResponse,
} from "../../../src/tracker/messages/http.ts";
import { bencodable } from "../../bencode/bencode_values.ts";

const HASH = decodeHex("123456789abcdef123456789abcdef123456789a");
const REQUEST: AnnounceRequest = {
  infoHash: HASH,
  peerId: encodeUtf8("-NB0100-abcdefghijkl"),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
};
const MINIMAL =
  "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&peer_id=-NB0100-abcdefghijkl&port=6881";

Deno.test("encodeAnnounceQuery() percent-encodes raw bytes and leaves out what is not said", () => {
  assertEquals(encodeAnnounceQuery(REQUEST), `${MINIMAL}&uploaded=1&downloaded=2&left=3&compact=1`);
});

Deno.test("encodeAnnounceQuery() writes every key", () => {
  const query = encodeAnnounceQuery({
    ...REQUEST,
    event: "started",
    key: 0xabc,
    numWant: 0,
    trackerId: decodeByteString("a b\xff"),
    ip: "192.0.2.1",
    compact: false,
    noPeerId: true,
    supportCrypto: true,
    requireCrypto: true,
    corrupt: 4,
    redundant: 5,
  });
  assertEquals(
    query,
    `${MINIMAL}&uploaded=1&downloaded=2&left=3&corrupt=4&redundant=5&compact=0&no_peer_id=1&numwant=0` +
      "&key=00000abc&event=started&trackerid=a%20b%FF&ip=192.0.2.1&supportcrypto=1&requirecrypto=1",
  );
});

Deno.test("encodeAnnounceQuery() does not claim to be a seed while what is left is unknown", () => {
  const { left: _, ...unknown } = REQUEST;
  assert(encodeAnnounceQuery(unknown).includes("&left=16384&"));
  assert(encodeAnnounceQuery({ ...REQUEST, left: 0 }).includes("&left=0&"));
});

Deno.test("encodeAnnounceQuery() refuses hashes and peer ids that have not 20 bytes", () => {
  for (const wrong of [new Uint8Array(0), new Uint8Array(32)]) {
    assertThrows(() => encodeAnnounceQuery({ ...REQUEST, infoHash: wrong }), RangeError);
    assertThrows(() => encodeAnnounceQuery({ ...REQUEST, peerId: wrong }), RangeError);
  }
});

Deno.test("announceUrl() keeps a passkey and drops a fragment", () => {
  const query = encodeAnnounceQuery(REQUEST);
  for (
    const [tracker, url] of [
      ["http://t.example/announce", `http://t.example/announce?${query}`],
      ["http://t.example/announce?passkey=x", `http://t.example/announce?passkey=x&${query}`],
      ["http://t.example/announce?", `http://t.example/announce?${query}`],
      ["http://t.example/announce?a&", `http://t.example/announce?a&${query}`],
      ["http://t.example/announce#top", `http://t.example/announce?${query}`],
    ] as const
  ) assertEquals(announceUrl(tracker, REQUEST), url);
});

Deno.test("announceUrl() survives URL, which a fetch puts it through", () => {
  const infoHash = Uint8Array.from({ length: 20 }, (_, i) => i * 13 & 255);
  for (let start = 0; start < 256; start += 20) {
    const peerId = Uint8Array.from({ length: 20 }, (_, i) => start + i);
    const url = new URL(announceUrl("http://t.example/announce", { ...REQUEST, infoHash, peerId }));
    const decoded = decodeAnnounceQuery(url.search);
    assertEquals([decoded.infoHash, decoded.peerId], [infoHash, peerId]);
  }
});

Deno.test('decodeAnnounceQuery() reads the example of BEP 23 "Overview"', () => {
  const decoded = decodeAnnounceQuery(
    "peer_id=aaaaaaaaaaaaaaaaaaaa&info_hash=aaaaaaaaaaaaaaaaaaaa&port=6881&left=0&downloaded=100&uploaded=0&compact=1",
  );
  assertEquals(decoded.peerId, encodeUtf8("a".repeat(20)));
  assertEquals([decoded.port, decoded.left, decoded.downloaded, decoded.uploaded], [6881, 0, 100, 0]);
  assertEquals([decoded.compact, decoded.event, decoded.numWant], [true, undefined, undefined]);
});

Deno.test("decodeAnnounceQuery() undoes encodeAnnounceQuery()", () => {
  const count = fc.option(fc.maxSafeNat(), { nil: undefined });
  const request: fc.Arbitrary<AnnounceRequest> = fc.record({
    infoHash: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    peerId: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    port: fc.integer({ min: 1, max: 65535 }),
    uploaded: fc.maxSafeNat(),
    downloaded: fc.maxSafeNat(),
    left: fc.maxSafeNat(),
    event: fc.constantFrom(undefined, "started", "completed", "stopped", "paused"),
    key: fc.option(fc.nat(0xffffffff), { nil: undefined }),
    numWant: count,
    trackerId: fc.option(fc.uint8Array({ maxLength: 30 }), { nil: undefined }),
    ip: fc.constantFrom(undefined, "192.0.2.1", "2001:db8::1"),
    compact: fc.boolean(),
    noPeerId: fc.boolean(),
    supportCrypto: fc.boolean(),
    requireCrypto: fc.boolean(),
    corrupt: count,
    redundant: count,
  });
  fc.assert(
    fc.property(request, (value) => assertEquals(decodeAnnounceQuery(encodeAnnounceQuery(value)), value)),
  );
});

Deno.test("decodeAnnounceQuery() is lenient where nothing is at stake", () => {
  const of = (rest: string) => decodeAnnounceQuery(`?${MINIMAL}${rest}`);
  assertEquals([of("").uploaded, of("").left, of("").compact], [0, undefined, undefined]);
  assertEquals([of("&event=").event, of("&event=empty").event, of("&numwant=-1").numWant], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(of("&left=18446744073709551615").left, Number.MAX_SAFE_INTEGER);
  assertEquals(of("&port=1&port=2").port, 6881);
  assertEquals(of("&ip=nonsense").ip, undefined);
  assertEquals(of("&key=ABC").key, 0xabc);
  assertEquals(of("&key=some+words").key, of("&key=some+words").key);
  assert(of("&key=some+words").key !== of("&key=other+words").key);
});

Deno.test("decodeAnnounceQuery() says what is wrong", () => {
  for (
    const [query, reason] of [
      ["", "info_hash is missing"],
      [MINIMAL.replace("info_hash=%12", "info_hash="), "info_hash has 19 bytes"],
      [MINIMAL.replace("%EF", "%E"), "broken escape"],
      [MINIMAL.replace("peer_id=", "peer="), "peer_id is missing"],
      [MINIMAL.replace("6881", "0"), "port is not 1 to 65535"],
      [MINIMAL.replace("6881", "65536"), "port is not 1 to 65535"],
      [MINIMAL.replace("6881", "x"), "port is not 1 to 65535"],
      [`${MINIMAL}&left=-1`, "left is no number"],
      [`${MINIMAL}&uploaded=1e3`, "uploaded is no number"],
      [`${MINIMAL}&x=${"y".repeat(9000)}`, "longer than"],
    ] as const
  ) assertThrows(() => decodeAnnounceQuery(query), DecodeError, reason);
});

const decodeOf = (value: Bencodable) => decodeAnnounceResponse(encode(value));

function announced(value: Bencodable) {
  const response = decodeOf(value);
  assert(response.type === "announced");
  return response;
}

Deno.test('decodeAnnounceResponse() reads the example of BEP 7 "Examples"', () => {
  const peers6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1";
  const bytes = decodeByteString(`d8:intervali1800e5:peers6:\x7f\0\0\x01\x1a\xe16:peers618:${peers6}e`);
  const response = decodeAnnounceResponse(bytes);
  assert(response.type === "announced");
  assertEquals(response.intervalMs, 1_800_000);
  assertEquals(response.peers, [{ host: "127.0.0.1", port: 6881 }, { host: "2001:db8::1", port: 6881 }]);
});

Deno.test("decodeAnnounceResponse() reads a list of peers and keeps DNS names apart", () => {
  const peerId = encodeUtf8("-XX0000-abcdefghijkl");
  const response = announced({
    interval: 60,
    peers: [
      { ip: "192.0.2.1", port: 1, "peer id": peerId },
      { ip: "2001:DB8:0::1", port: 2 },
      { ip: "[2001:db8::2]", port: 3, "peer id": "short" },
      { ip: "peer.example.org", port: 4 },
      { ip: "::ffff:192.0.2.2", port: "5" },
      { ip: "192.0.2.3", port: 0 },
      { ip: "192.0.2.3", port: 65536 },
      { ip: "not a name", port: 1 },
      { ip: "", port: 1 },
      { port: 1 },
      "nonsense",
    ],
  });
  assertEquals(response.peers, [
    { host: "192.0.2.1", port: 1, peerId },
    { host: "2001:db8::1", port: 2 },
    { host: "2001:db8::2", port: 3 },
    { host: "192.0.2.2", port: 5 },
  ]);
  assertEquals(response.namedPeers, [{ host: "peer.example.org", port: 4 }]);
});

Deno.test("decodeAnnounceResponse() takes the whole entries of a cut compact list", () => {
  assertEquals(announced({ peers: Uint8Array.of(1, 2, 3, 4, 0, 5, 6) }).peers, [{
    host: "1.2.3.4",
    port: 5,
  }]);
});

Deno.test("decodeAnnounceResponse() caps the number of peers", () => {
  assertEquals(announced({ peers: new Uint8Array(6 * 5000).fill(1) }).peers.length, 2000);
  const list = Array.from({ length: 2001 }, () => ({ ip: "192.0.2.1", port: 1 }));
  assertEquals(announced({ peers: list }).peers.length, 2000);
});

Deno.test("decodeAnnounceResponse() reads numbers given as text and holds intervals in bounds", () => {
  const response = announced({
    interval: "900",
    "min interval": "30",
    complete: "5",
    incomplete: 6,
    downloaded: -1,
  });
  assertEquals([response.intervalMs, response.minIntervalMs], [900_000, 30_000]);
  assertEquals([response.complete, response.incomplete, response.downloaded], [5, 6, undefined]);
  assertEquals(announced({}).intervalMs, 1_800_000);
  assertEquals(announced({ interval: 0 }).intervalMs, 1000);
  assertEquals(announced({ interval: 2n ** 70n }).intervalMs, 1_800_000);
  assertEquals(announced({ interval: 10 ** 9, "min interval": 10 ** 9 }).intervalMs, 86_400_000);
  assertEquals(announced({ interval: "never" }).intervalMs, 1_800_000);
});

Deno.test("decodeAnnounceResponse() reads external ip in binary and as text (BEP 24)", () => {
  const external = (ip: Bencodable) => announced({ "external ip": ip }).externalIp;
  assertEquals(external(Uint8Array.of(192, 0, 2, 1)), "192.0.2.1");
  assertEquals(external(decodeHex("20010db8000000000000000000000001")), "2001:db8::1");
  assertEquals([external("192.0.2.1"), external("2001:db8:1:2::10")], ["192.0.2.1", "2001:db8:1:2::10"]);
  assertEquals([external("x"), external(5)], [undefined, undefined]);
});

Deno.test("decodeAnnounceResponse() gives warning and tracker id", () => {
  const response = announced({ "warning message": "soon gone", "tracker id": Uint8Array.of(255) });
  assertEquals([response.warning, response.trackerId], ["soon gone", Uint8Array.of(255)]);
});

Deno.test("decodeAnnounceResponse() puts the failure reason first and reads retry in (BEP 31)", () => {
  const failure = (retry: Bencodable | undefined) =>
    decodeOf({ "failure reason": "Overloaded", "retry in": retry, interval: 5, peers: "" });
  const reason = "Overloaded";
  assertEquals(failure("5"), { type: "failure", reason, retryInMs: 300_000 });
  assertEquals(failure(5), { type: "failure", reason, retryInMs: 300_000 });
  assertEquals(failure("never"), { type: "failure", reason, retryInMs: "never" });
  assertEquals(failure(10 ** 9), { type: "failure", reason, retryInMs: 86_400_000 });
  for (const nonsense of [undefined, 0, -1, "soon", []]) {
    assertEquals(failure(nonsense), { type: "failure", reason });
  }
  assertEquals(decodeOf({ "failure reason": 7 }), { type: "failure", reason: "no reason given" });
});

Deno.test("decodeAnnounceResponse() ignores retry in without a failure", () => {
  assertEquals(announced({ "retry in": "never" }).type, "announced");
});

Deno.test("decodeAnnounceResponse() takes unsorted keys and a line end, but no web page", () => {
  const response = decodeAnnounceResponse(decodeByteString("d5:peers0:8:intervali60ee\r\n"));
  assertEquals(response.type === "announced" && response.intervalMs, 60_000);
  for (const text of ["<html>", "", "i1e", "le", "d5:peersi1ee"]) {
    assertThrows(() => decodeAnnounceResponse(encodeUtf8(text)), DecodeError);
  }
});

Deno.test("decodeAnnounceResponse() undoes encodeAnnounceResponse(), compact and not", () => {
  const response: AnnounceResponse = {
    type: "announced",
    intervalMs: 1_800_000,
    minIntervalMs: 60_000,
    peers: [{ host: "192.0.2.1", port: 6881 }, { host: "2001:db8::1", port: 6882 }],
    namedPeers: undefined,
    complete: 1,
    incomplete: 2,
    downloaded: 3,
    warning: "w",
    trackerId: encodeUtf8("id"),
    externalIp: "2001:db8::9",
  };
  for (const compact of [true, false]) {
    assertEquals(decodeAnnounceResponse(encodeAnnounceResponse(response, { compact })), response);
  }
  for (const retryInMs of [300_000, "never"] as const) {
    const failure: AnnounceResponse = { type: "failure", reason: "no", retryInMs };
    assertEquals(decodeAnnounceResponse(encodeAnnounceResponse(failure)), failure);
  }
});

Deno.test("encodeAnnounceResponse() writes peers that are in compact form as they are, or as a list", () => {
  const ipv4 = Uint8Array.of(192, 0, 2, 1, 0, 1), ipv6 = decodeHex("20010db80000000000000000000000010002");
  const answer = { type: "announced", intervalMs: 60_000, peers: { ipv4, ipv6 } } as const;
  for (const compact of [undefined, true, false]) {
    const decoded = decodeAnnounceResponse(encodeAnnounceResponse(answer, { compact }));
    assert(decoded.type === "announced");
    assertEquals(decoded.peers, [{ host: "192.0.2.1", port: 1 }, { host: "2001:db8::1", port: 2 }]);
  }
  const text = encodeByteString(
    encodeAnnounceResponse({ ...answer, peers: { ipv4, ipv6: new Uint8Array() } }),
  );
  assert(!text.includes("6:peers6"));
});

Deno.test("encodeAnnounceResponse() writes peer ids and names in the list only", () => {
  const peerId = encodeUtf8("-XX0000-abcdefghijkl");
  const response: AnnounceResponse = {
    type: "announced",
    intervalMs: 1000,
    peers: [{ host: "192.0.2.1", port: 1, peerId }],
    namedPeers: [{ host: "p.example", port: 2 }],
  };
  const text = (options: { compact?: boolean; noPeerId?: boolean }) =>
    encodeByteString(encodeAnnounceResponse(response, options));
  assertEquals(
    text({ compact: false }),
    "d8:intervali1e5:peersld2:ip9:192.0.2.17:peer id20:-XX0000-abcdefghijkl4:porti1eed2:ip9:p.example4:porti2eeee",
  );
  assertEquals(
    text({ compact: false, noPeerId: true }),
    "d8:intervali1e5:peersld2:ip9:192.0.2.14:porti1eed2:ip9:p.example4:porti2eeee",
  );
  assertEquals(text({}), "d8:intervali1e5:peers6:\xc0\0\x02\x01\0\x01e");
});

Deno.test("decodeAnnounceResponse() throws nothing but DecodeError, whatever the bytes", () => {
  const keys = [
    "interval",
    "peers",
    "peers6",
    "external ip",
    "failure reason",
    "retry in",
    "tracker id",
    "complete",
  ];
  const answer = fc.array(fc.tuple(fc.constantFrom(...keys), bencodable)).map((pairs) =>
    encode(new Map(pairs))
  );
  fc.assert(fc.property(fc.oneof(answer, fc.uint8Array({ maxLength: 60 })), (bytes) => {
    try {
      decodeAnnounceResponse(bytes);
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }));
});
