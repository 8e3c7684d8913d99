import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { StateError } from "../../src/errors.ts";
import type { AnnounceRequest } from "../../src/tracker/messages/announce.ts";
import {
  decodeUdpRequest,
  encodeUdpResponse,
  type UdpTrackerRequest,
  type UdpTrackerResponse,
} from "../../src/tracker/messages/udp.ts";
import { UdpExchange, type UdpExchangeEffect } from "../../src/tracker/udp_exchange.ts";

const TRACKER = { host: "192.0.2.1", port: 6969 }, OTHER = { host: "192.0.2.2", port: 6969 };
const TRACKER6 = { host: "2001:db8::1", port: 6969 };

const REQUEST: AnnounceRequest = {
  infoHash: encodeUtf8("h".repeat(20)),
  peerId: encodeUtf8("p".repeat(20)),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
};

const ANNOUNCE = { type: "announce", request: REQUEST, urlData: "/announce" } as const;
const SCRAPE = { type: "scrape", infoHashes: [REQUEST.infoHash, REQUEST.peerId] } as const;
const ANNOUNCED = {
  type: "announced",
  intervalMs: 1_800_000,
  peers: [],
  complete: 0,
  incomplete: 1,
} as const;

function create(maxRetries?: number): UdpExchange {
  let draw = 0;
  return new UdpExchange({ random: () => ++draw / 1000, ...maxRetries !== undefined && { maxRetries } });
}

/** What the effects send, decoded; everything else as it is. */
function read(effects: readonly UdpExchangeEffect[]): (UdpTrackerRequest | UdpExchangeEffect)[] {
  return effects.map((effect) => effect.type === "send" ? decodeUdpRequest(effect.bytes) : effect);
}

/** The only effect, which must send. */
function sent(effects: readonly UdpExchangeEffect[]): UdpTrackerRequest {
  assertEquals(effects.map(({ type }) => type), ["send"]);
  return read(effects)[0] as UdpTrackerRequest;
}

const answer = (response: UdpTrackerResponse, from = TRACKER) =>
  ({ type: "datagram", from, bytes: encodeUdpResponse(response, from.host.includes(":") ? 6 : 4) }) as const;

const connectAnswer = ({ transactionId }: UdpTrackerRequest, connectionId = 99n) =>
  answer({ type: "connect", transactionId, connectionId });

const announceAnswer = ({ transactionId }: UdpTrackerRequest) =>
  answer({ type: "announce", transactionId, response: ANNOUNCED });

/** Lets time pass until nothing is planned: what is sent when, in seconds. */
function walk(exchange: UdpExchange, now = 0): string[] {
  const log: string[] = [];
  for (let at = exchange.deadline(); at !== undefined; at = exchange.deadline()) {
    assert(at > now);
    now = at;
    for (const effect of read(exchange.handle({ type: "tick" }, now))) {
      log.push(`${now / 1000} ${effect.type}`);
    }
  }
  return log;
}

Deno.test('UdpExchange walks "Normal announce" of BEP 15 "Examples"', () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  assertEquals(connect.type, "connect");
  const announce = sent(exchange.handle(connectAnswer(connect, 99n), 1000));
  assert(announce.type === "announce");
  assertEquals([announce.connectionId, announce.urlData], [99n, "/announce"]);
  assertEquals(announce.request.infoHash, REQUEST.infoHash);
  assertEquals(exchange.handle(announceAnswer(announce), 3000), [{
    type: "reply",
    id: 1,
    response: ANNOUNCED,
  }]);
  assertEquals(exchange.deadline(), undefined);
});

Deno.test('UdpExchange walks "Connect times out" of BEP 15 "Examples" to the end of the schedule', () => {
  const exchange = create();
  exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0);
  const times = [15, 45, 105, 225, 465, 945, 1905, 3825];
  assertEquals(walk(exchange), [...times.map((time) => `${time} connect`), "7665 failed"]);
});

Deno.test('UdpExchange walks "Announce times out" of BEP 15 "Examples"', () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  exchange.handle(connectAnswer(connect), 1000);
  // The example sends the announce a second after the connect response; here it goes out at once.
  assertEquals(walk(exchange, 1000).slice(0, 5), [
    "16 announce",
    "46 announce",
    "106 connect",
    "226 connect",
    "466 connect",
  ]);
});

Deno.test("UdpExchange gives up after maxRetries though every connect request is answered", () => {
  const exchange = create(3), log: string[] = [];
  let effects = exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0);
  for (let now = 0; effects.length > 0;) {
    const [effect] = read(effects);
    log.push(`${now / 1000} ${effect!.type}`);
    if (effect!.type === "connect") {
      effects = exchange.handle(connectAnswer(effect as UdpTrackerRequest), now);
    } else {
      now = exchange.deadline() ?? now;
      effects = exchange.handle({ type: "tick" }, now);
    }
  }
  assertEquals(log, [
    "0 connect",
    "0 announce",
    "15 announce",
    "45 announce",
    "105 connect",
    "105 announce",
    "225 failed",
  ]);
});

Deno.test('UdpExchange walks "Multiple requests" of BEP 15 "Examples"', () => {
  const exchange = create();
  const ask = (id: number, request: typeof ANNOUNCE | typeof SCRAPE, at: number) =>
    exchange.handle({ type: "request", id, address: TRACKER, request }, at * 1000);
  const first = sent(exchange.handle(connectAnswer(sent(ask(1, ANNOUNCE, 0)), 5n), 1000));
  assertEquals(exchange.handle(announceAnswer(first), 3000).length, 1);
  const second = sent(ask(2, ANNOUNCE, 4));
  assertEquals(exchange.handle(announceAnswer(second), 5000).length, 1);
  const third = sent(ask(3, ANNOUNCE, 60));
  assert(third.type === "announce");
  assertEquals(third.connectionId, 5n);
  assertEquals(exchange.handle(announceAnswer(third), 61_000).length, 1);
  // The id came at 1 and lasts a minute.
  const connect = sent(ask(4, ANNOUNCE, 62));
  assertEquals(connect.type, "connect");
  assertEquals([ask(5, SCRAPE, 62), ask(6, SCRAPE, 62), ask(7, ANNOUNCE, 63)], [[], [], []]);
  const requests = read(exchange.handle(connectAnswer(connect, 6n), 63_000)) as UdpTrackerRequest[];
  assertEquals(requests.map(({ type }) => type), ["announce", "scrape", "scrape", "announce"]);
  for (const request of requests) assertEquals(request.type !== "connect" && request.connectionId, 6n);
  assertEquals(new Set(requests.map(({ transactionId }) => transactionId)).size, 4);
  const swarms = [{ complete: 1, downloaded: 2, incomplete: 3 }, {
    complete: 4,
    downloaded: 5,
    incomplete: 6,
  }];
  const { transactionId } = requests[2]!;
  assertEquals(exchange.handle(answer({ type: "scrape", transactionId, swarms }), 67_000), [{
    type: "reply",
    id: 6,
    response: {
      type: "scraped",
      swarms: [{ infoHash: REQUEST.infoHash, ...swarms[0]! }, { infoHash: REQUEST.peerId, ...swarms[1]! }],
    },
  }]);
});

Deno.test("UdpExchange sends one connect request for all that wait for the same tracker", () => {
  const exchange = create();
  const ask = (id: number, now: number) =>
    read(exchange.handle({ type: "request", id, address: TRACKER, request: ANNOUNCE }, now)).map(({ type }) =>
      type
    );
  assertEquals([ask(1, 0), ask(2, 10_000), ask(3, 14_999)], [["connect"], [], []]);
  assertEquals(read(exchange.handle({ type: "tick" }, 15_000)).map(({ type }) => type), ["connect"]);
  assertEquals([ask(4, 29_999), ask(5, 30_000)], [[], ["connect"]]);
  assertEquals(
    read(exchange.handle({ type: "request", id: 6, address: OTHER, request: ANNOUNCE }, 30_000)).length,
    1,
  );
});

Deno.test("UdpExchange takes answers to any sending of a request, the second of a pair in silence", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  assertEquals(sent(exchange.handle({ type: "tick" }, 15_000)), connect);
  const announce = sent(exchange.handle(connectAnswer(connect, 1n), 16_000));
  assert(exchange.owns(TRACKER, connectAnswer(connect).bytes));
  assertEquals(exchange.handle(connectAnswer(connect, 2n), 17_000), []);
  const again = sent(exchange.handle({ type: "tick" }, 31_000));
  assertEquals(again, announce);
  assertEquals(exchange.handle(announceAnswer(announce), 32_000).length, 1);
  assertEquals(exchange.handle(announceAnswer(announce), 33_000), []);
});

Deno.test("UdpExchange starts the schedule anew once it has a connection id", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  exchange.handle({ type: "tick" }, 15_000);
  exchange.handle({ type: "tick" }, 45_000);
  exchange.handle(connectAnswer(connect), 50_000);
  assertEquals(exchange.deadline(), 65_000);
});

Deno.test("UdpExchange.owns() looks at transaction id and source", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  const bytes = connectAnswer(connect).bytes;
  assert(exchange.owns(TRACKER, bytes));
  assertFalse(exchange.owns(OTHER, bytes));
  assertFalse(exchange.owns({ ...TRACKER, port: 6970 }, bytes));
  assertFalse(
    exchange.owns(TRACKER, connectAnswer({ ...connect, transactionId: connect.transactionId + 1 }).bytes),
  );
  assertFalse(exchange.owns(TRACKER, encodeUtf8("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")));
  assertFalse(exchange.owns(TRACKER, bytes.subarray(0, 7)));
  assertEquals(exchange.handle({ type: "datagram", from: OTHER, bytes }, 1), []);
  const inside = new Uint8Array([9, ...bytes, 9]).subarray(1, 1 + bytes.length);
  assert(exchange.owns(TRACKER, inside));
});

Deno.test("UdpExchange hands a tracker's refusal on and connects anew afterwards", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  const announce = sent(exchange.handle(connectAnswer(connect), 1000));
  const { transactionId } = announce;
  assertEquals(
    exchange.handle(answer({ type: "error", transactionId, reason: "Connection ID missmatch.\0" }), 2000),
    [
      { type: "reply", id: 1, response: { type: "failure", reason: "Connection ID missmatch." } },
    ],
  );
  const next = sent(exchange.handle({ type: "request", id: 2, address: TRACKER, request: ANNOUNCE }, 3000));
  assertEquals(next.type, "connect");
  assert(next.transactionId !== connect.transactionId);
});

Deno.test("UdpExchange hands a refused connect on to all that wait for it", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  exchange.handle({ type: "request", id: 2, address: TRACKER, request: SCRAPE }, 0);
  const response = { type: "failure", reason: "full" } as const;
  assertEquals(
    exchange.handle(answer({ type: "error", transactionId: connect.transactionId, reason: "full" }), 1),
    [
      { type: "reply", id: 1, response },
      { type: "reply", id: 2, response },
    ],
  );
});

Deno.test("UdpExchange fails a request whose answer makes no sense", () => {
  for (
    const [bytesOf, reason] of [
      [(id: Uint8Array) => Uint8Array.of(0, 0, 0, 1, ...id), "expected 4 more bytes"],
      [(id: Uint8Array) => Uint8Array.of(0, 0, 0, 9, ...id), "no action 9"],
      [(id: Uint8Array) => Uint8Array.of(0, 0, 0, 2, ...id), "an answer of type scrape"],
    ] as const
  ) {
    const exchange = create();
    const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
    const announce = sent(exchange.handle(connectAnswer(connect), 1000));
    const bytes = bytesOf(announceAnswer(announce).bytes.subarray(4, 8));
    const [effect, ...others] = exchange.handle({ type: "datagram", from: TRACKER, bytes }, 2000);
    assertEquals(others, []);
    assert(effect?.type === "failed" && effect.reason.includes(reason));
  }
});

Deno.test("UdpExchange fails what waits for a connect answer that makes no sense", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  const cut = connectAnswer(connect).bytes.subarray(0, 12);
  assertEquals(exchange.handle({ type: "datagram", from: TRACKER, bytes: cut }, 1).map(({ type }) => type), [
    "failed",
  ]);
  assertEquals(exchange.deadline(), undefined);
});

Deno.test("UdpExchange reads peers by the family of the source", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER6, request: ANNOUNCE }, 0));
  const { transactionId } = connect;
  const connected = answer({ type: "connect", transactionId, connectionId: 1n }, TRACKER6);
  const announce = sent(exchange.handle(connected, 1));
  const response = { ...ANNOUNCED, peers: [{ host: "2001:db8::2", port: 1 }] };
  const reply = answer({ type: "announce", transactionId: announce.transactionId, response }, TRACKER6);
  assertEquals(exchange.handle(reply, 2), [{ type: "reply", id: 1, response }]);
});

Deno.test("UdpExchange forgets a cancelled request", () => {
  const exchange = create();
  const connect = sent(exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0));
  assertEquals(exchange.handle({ type: "cancel", id: 1 }, 1), []);
  assertEquals(exchange.deadline(), undefined);
  assertEquals(exchange.handle(connectAnswer(connect), 2), []);
  assertEquals(exchange.handle({ type: "tick" }, 15_000), []);
});

Deno.test("UdpExchange refuses the caller's mistakes", () => {
  const exchange = create();
  exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0);
  assertThrows(
    () => exchange.handle({ type: "request", id: 1, address: TRACKER, request: ANNOUNCE }, 0),
    StateError,
  );
  const scrape = { type: "scrape", infoHashes: [] } as const;
  assertThrows(
    () => exchange.handle({ type: "request", id: 2, address: TRACKER, request: scrape }, 0),
    RangeError,
  );
  assertEquals(exchange.deadline(), 15_000);
});
