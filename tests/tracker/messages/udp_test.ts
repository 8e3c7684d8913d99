import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex, encodeUtf8 } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import type { AnnounceRequest } from "../../../src/tracker/messages/announce.ts";
import {
  decodeUdpRequest,
  decodeUdpResponse,
  encodeUdpRequest,
  encodeUdpResponse,
  type UdpTrackerRequest,
  type UdpTrackerResponse,
} from "../../../src/tracker/messages/udp.ts";

const REQUEST: AnnounceRequest = {
  infoHash: decodeHex("aa".repeat(20)),
  peerId: decodeHex("bb".repeat(20)),
  port: 0x1ae1,
  downloaded: 1,
  left: 2,
  uploaded: 2 ** 40,
  event: "started",
  key: 0xcafebabe,
  numWant: 50,
  ip: "192.0.2.1",
};

const ANNOUNCE = "0102030405060708" + "00000001" + "deadbeef" + "aa".repeat(20) + "bb".repeat(20) +
  "0000000000000001" + "0000000000000002" + "0000010000000000" + "00000002" + "c0000201" + "cafebabe" +
  "00000032" +
  "1ae1";

const announce = (request: AnnounceRequest, urlData?: string): UdpTrackerRequest => ({
  type: "announce",
  connectionId: 0x0102030405060708n,
  transactionId: 0xdeadbeef,
  request,
  urlData,
});

const hex = (request: UdpTrackerRequest) => encodeHex(encodeUdpRequest(request));

Deno.test('encodeUdpRequest() lays fields out as BEP 15 "UDP tracker protocol" has them', () => {
  assertEquals(hex({ type: "connect", transactionId: 0x01020304 }), "000004172710198000000000" + "01020304");
  assertEquals(hex(announce(REQUEST)), ANNOUNCE);
  assertEquals(ANNOUNCE.length, 98 * 2);
  assertEquals(
    hex({
      type: "scrape",
      connectionId: 1n,
      transactionId: 2,
      infoHashes: [REQUEST.infoHash, REQUEST.peerId],
    }),
    "0000000000000001" + "00000002" + "00000002" + "aa".repeat(20) + "bb".repeat(20),
  );
});

Deno.test("encodeUdpRequest() writes the defaults of what is not said", () => {
  const { infoHash, peerId, port } = REQUEST;
  const bytes = encodeUdpRequest(announce({ infoHash, peerId, port, uploaded: 0, downloaded: 0 }));
  const view = new DataView(bytes.buffer);
  assertEquals(view.getBigUint64(64), 16384n);
  assertEquals([80, 84, 88, 92].map((offset) => view.getInt32(offset)), [0, 0, 0, -1]);
});

Deno.test("encodeUdpRequest() codes events, and leaves the address empty for IPv6", () => {
  const field = (request: Partial<AnnounceRequest>, offset: number) =>
    new DataView(encodeUdpRequest(announce({ ...REQUEST, ...request })).buffer).getUint32(offset);
  assertEquals(
    [undefined, "completed", "started", "stopped", "paused"].map((event) =>
      field({ event: event as AnnounceRequest["event"] }, 80)
    ),
    [0, 1, 2, 3, 0],
  );
  assertEquals(field({ ip: "2001:db8::1" }, 84), 0);
});

Deno.test('encodeUdpRequest() writes the examples of BEP 41 "Examples"', () => {
  const options = (urlData: string) => encodeUdpRequest(announce(REQUEST, urlData)).subarray(98);
  assertEquals(options("/dir?a=b&c=d"), Uint8Array.of(0x2, 0xc, ...encodeUtf8("/dir?a=b&c=d")));
  assertEquals(options(""), Uint8Array.of(0x2, 0x0));
});

const WITH_OPTIONS: readonly (readonly [options: readonly number[], urlData: string | undefined])[] = [
  [[], undefined],
  [[0], undefined],
  [[0x2, 0xc, ...encodeUtf8("/dir?a=b&c=d")], "/dir?a=b&c=d"],
  [[0x2, 0xc, ...encodeUtf8("/dir?a=b&c=d"), 0x1, 0x1, 0x0], "/dir?a=b&c=d"],
  [[0x2, 0x0], ""],
  [[0x1, 0x2, 0x1, 0x2f, 0x1, 0x2, 0x0, 0x2, 0x1, 0x61], "/a"],
  [[0x7, 0x3, 0x2, 0x1, 0x61, 0x2, 0x1, 0x2f], "/"],
  [[0xff, 0x0, 0x2, 0x1, 0x2f], "/"],
  [[0x0, 0x2, 0x1, 0x2f], undefined],
  [[0x2, 0x1, 0x2f, 0x2, 0x5, 0x61], "/"],
  [[0x2], undefined],
  [[0x7, 0xff], undefined],
];

Deno.test('decodeUdpRequest() reads options as BEP 41 "Extension Format" has them', () => {
  for (const [options, urlData] of WITH_OPTIONS) {
    const decoded = decodeUdpRequest(Uint8Array.of(...decodeHex(ANNOUNCE), ...options));
    assert(decoded.type === "announce");
    assertEquals(decoded.urlData, urlData, `${options}`);
  }
});

Deno.test("decodeUdpRequest() undoes encodeUdpRequest()", () => {
  const decoded = decodeUdpRequest(encodeUdpRequest(announce(REQUEST)));
  assertEquals(decoded, announce(REQUEST));
  for (const urlData of ["", "/", `/announce?key=${"x".repeat(600)}`, "/ü".repeat(254)]) {
    assertEquals(decodeUdpRequest(encodeUdpRequest(announce(REQUEST, urlData))), announce(REQUEST, urlData));
  }
  const others: UdpTrackerRequest[] = [
    { type: "connect", transactionId: 0xffffffff },
    { type: "scrape", connectionId: 2n ** 64n - 1n, transactionId: 0, infoHashes: [REQUEST.infoHash] },
  ];
  for (const other of others) assertEquals(decodeUdpRequest(encodeUdpRequest(other)), other);
});

Deno.test("decodeUdpRequest() takes what other clients send", () => {
  const bytes = decodeHex(ANNOUNCE), view = new DataView(bytes.buffer);
  view.setInt32(92, -1);
  view.setUint32(80, 4);
  view.setBigUint64(64, 2n ** 64n - 1n);
  const decoded = decodeUdpRequest(bytes);
  assert(decoded.type === "announce");
  const { numWant, event, left } = decoded.request;
  assertEquals([numWant, event, left], [undefined, "paused", Number.MAX_SAFE_INTEGER]);
  view.setUint32(80, 77);
  const unknown = decodeUdpRequest(bytes);
  assertEquals(unknown.type === "announce" && unknown.request.event, undefined);
});

Deno.test("decodeUdpRequest() throws DecodeError at every cut of the fixed part", () => {
  const bytes = decodeHex(ANNOUNCE);
  for (let length = 0; length < 98; length++) {
    assertThrows(() => decodeUdpRequest(bytes.subarray(0, length)), DecodeError);
  }
});

Deno.test("decodeUdpRequest() refuses what is no request", () => {
  for (
    const [text, reason] of [
      ["0000041727101981" + "00000000" + "00000001", "no protocol id"],
      ["0000041727101980" + "00000003" + "00000001", "no action 3"],
      ["0000041727101980" + "00000002" + "00000001", "0 info hashes"],
      ["0000041727101980" + "00000002" + "00000001" + "aa".repeat(20 * 75), "75 info hashes"],
      [ANNOUNCE.slice(0, -4) + "0000", "port is 0"],
    ] as const
  ) assertThrows(() => decodeUdpRequest(decodeHex(text)), DecodeError, reason);
});

Deno.test("encodeUdpRequest() refuses wrong hashes and too many of them", () => {
  const scrape = (infoHashes: Uint8Array[]) =>
    encodeUdpRequest({ type: "scrape", connectionId: 1n, transactionId: 1, infoHashes });
  for (const infoHashes of [[], [new Uint8Array(32)], new Array(75).fill(REQUEST.infoHash)]) {
    assertThrows(() => scrape(infoHashes), RangeError);
  }
  assertThrows(() => encodeUdpRequest(announce({ ...REQUEST, infoHash: new Uint8Array(32) })), RangeError);
});

const PEERS = [{ host: "192.0.2.1", port: 1 }, { host: "2001:db8::1", port: 2 }] as const;

const RESPONSE: UdpTrackerResponse = {
  type: "announce",
  transactionId: 7,
  response: { type: "announced", intervalMs: 1_800_000, peers: PEERS, complete: 3, incomplete: 4 },
};

Deno.test("encodeUdpResponse() lays out leechers before seeders, and peers of the packet's family", () => {
  const start = "00000001" + "00000007" + "00000708" + "00000004" + "00000003";
  assertEquals(encodeHex(encodeUdpResponse(RESPONSE, 4)), `${start}c00002010001`);
  assertEquals(encodeHex(encodeUdpResponse(RESPONSE, 6)), `${start}20010db80000000000000000000000010002`);
});

Deno.test("decodeUdpResponse() reads peers by the packet's family", () => {
  for (const [family, peer] of [[4, PEERS[0]], [6, PEERS[1]]] as const) {
    const decoded = decodeUdpResponse(encodeUdpResponse(RESPONSE, family), family);
    assert(decoded.type === "announce");
    assertEquals(decoded.response, { ...RESPONSE.response, peers: [peer] });
  }
});

Deno.test("decodeUdpResponse() undoes encodeUdpResponse()", () => {
  const responses: UdpTrackerResponse[] = [
    { type: "connect", transactionId: 1, connectionId: 2n ** 64n - 2n },
    {
      type: "scrape",
      transactionId: 0xffffffff,
      swarms: [{ complete: 1, downloaded: 2, incomplete: 3 }, { complete: 4, downloaded: 5, incomplete: 6 }],
    },
    { type: "error", transactionId: 3, reason: "nö" },
  ];
  for (const response of responses) {
    assertEquals(decodeUdpResponse(encodeUdpResponse(response, 4), 4), response);
  }
  assertEquals(
    encodeHex(encodeUdpResponse(responses[1]!, 4)),
    "00000002ffffffff" + "000000010000000200000003" + "000000040000000500000006",
  );
});

Deno.test("decodeUdpResponse() takes packets that are longer than they need be", () => {
  const longer = (text: string) => decodeUdpResponse(decodeHex(text), 4);
  assertEquals(longer("00000000" + "00000001" + "0000000000000002" + "ffff"), {
    type: "connect",
    transactionId: 1,
    connectionId: 2n,
  });
  assertEquals(longer("00000002" + "00000001" + "000000010000000200000003" + "ffff").type, "scrape");
  const announced = longer(
    "00000001" + "00000001" + "0000000000000000" + "00000000" + "c00002010001" + "c0000201",
  );
  assert(announced.type === "announce");
  assertEquals(announced.response.peers, [PEERS[0]]);
  assertEquals(announced.response.intervalMs, 1000);
});

Deno.test("decodeUdpResponse() strips the NUL that some trackers put behind an error", () => {
  assertEquals(decodeUdpResponse(decodeHex("00000003" + "00000001" + "6e6f0000"), 4), {
    type: "error",
    transactionId: 1,
    reason: "no",
  });
});

Deno.test("decodeUdpResponse() refuses opentracker's 8-byte answer to an announce, and every other cut", () => {
  assertThrows(() => decodeUdpResponse(decodeHex("00000001" + "00000001"), 4), DecodeError);
  const bytes = encodeUdpResponse(RESPONSE, 4);
  for (let length = 0; length < 20; length++) {
    assertThrows(() => decodeUdpResponse(bytes.subarray(0, length), 4), DecodeError);
  }
  assertThrows(() => decodeUdpResponse(decodeHex("00000004" + "00000001"), 4), DecodeError, "no action 4");
});

Deno.test("decodeUdpRequest() and decodeUdpResponse() throw nothing but DecodeError", () => {
  const action = fc.nat(4).map((value) => Uint8Array.of(0, 0, 0, value));
  const rest = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(action, rest, fc.constantFrom(4 as const, 6 as const), (first, bytes, family) => {
    const connection = decodeHex("0000041727101980");
    for (
      const decode of [
        () => decodeUdpResponse(Uint8Array.of(...first, ...bytes), family),
        () => decodeUdpRequest(Uint8Array.of(...connection, ...first, ...bytes)),
        () => decodeUdpRequest(bytes),
      ]
    ) {
      try {
        decode();
      } catch (error) {
        assertInstanceOf(error, DecodeError);
      }
    }
  }));
});
