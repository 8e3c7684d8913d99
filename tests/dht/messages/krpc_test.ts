import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeDictionary } from "../../../src/bencode/decode.ts";
import { decodeByteString, encodeByteString, encodeUtf8 } from "../../../src/bytes/text.ts";
import {
  decodeKrpc,
  encodeKrpc,
  KRPC_ERRORS,
  type KrpcMessage,
  type SendableKrpcMessage,
} from "../../../src/dht/messages/krpc.ts";
import type { SendableQuery } from "../../../src/dht/messages/query.ts";
import { DecodeError } from "../../../src/errors.ts";

const A_TO_J = encodeUtf8("abcdefghij0123456789");
const M_TO_S = encodeUtf8("mnopqrstuvwxyz123456");
const DIGITS = encodeUtf8("0123456789abcdefghij");
const AA = encodeUtf8("aa");

function query(query: SendableQuery): SendableKrpcMessage {
  return { type: "query", transaction: AA, readOnly: false, query };
}

/** Every sample packet that BEP 5 prints, byte for byte. */
const SAMPLES: readonly {
  readonly name: string;
  readonly packet: string;
  readonly message: SendableKrpcMessage;
}[] = [
  {
    name: "generic error",
    packet: "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
    message: { type: "error", transaction: AA, code: 201, message: "A Generic Error Ocurred" },
  },
  {
    name: "ping query",
    packet: "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
    message: query({ type: "ping", id: A_TO_J }),
  },
  {
    name: "ping reply",
    packet: "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
    message: { type: "reply", transaction: AA, reply: { id: M_TO_S } },
  },
  {
    name: "find_node query",
    packet: "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
    message: query({ type: "findNode", id: A_TO_J, target: M_TO_S }),
  },
  {
    name: "find_node reply",
    packet: "d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re",
    message: { type: "reply", transaction: AA, reply: { id: DIGITS, nodes: encodeUtf8("def456...") } },
  },
  {
    name: "get_peers query",
    packet: "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
    message: query({ type: "getPeers", id: A_TO_J, infoHash: M_TO_S }),
  },
  {
    name: "get_peers reply with peers",
    packet: "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
    message: {
      type: "reply",
      transaction: AA,
      reply: {
        id: A_TO_J,
        token: encodeUtf8("aoeusnth"),
        values: [encodeUtf8("axje.u"), encodeUtf8("idhtnm")],
      },
    },
  },
  {
    name: "get_peers reply with nodes",
    packet: "d1:rd2:id20:abcdefghij01234567895:nodes9:def456...5:token8:aoeusnthe1:t2:aa1:y1:re",
    message: {
      type: "reply",
      transaction: AA,
      reply: { id: A_TO_J, nodes: encodeUtf8("def456..."), token: encodeUtf8("aoeusnth") },
    },
  },
  {
    name: "announce_peer query",
    packet: "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz123456" +
      "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
    message: query({
      type: "announcePeer",
      id: A_TO_J,
      impliedPort: true,
      infoHash: M_TO_S,
      port: 6881,
      token: encodeUtf8("aoeusnth"),
    }),
  },
  {
    name: "announce_peer reply",
    packet: "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
    message: { type: "reply", transaction: AA, reply: { id: M_TO_S } },
  },
];

/** Leaves out what is `undefined` or a plain "no", which a packet leaves out too. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return encodeByteString(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== false);
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
}

Deno.test("encodeKrpc() writes the sample packets of BEP 5", () => {
  for (const { name, packet, message } of SAMPLES) {
    assertEquals(encodeByteString(encodeKrpc(message)), packet, name);
  }
});

Deno.test("decodeKrpc() reads the sample packets of BEP 5", () => {
  for (const { name, packet, message } of SAMPLES) {
    const decoded = plain(decodeKrpc(encodeUtf8(packet)));
    // The samples' nodes are 9 bytes, no compact node info: they count as absent. The port is not looked at if implied.
    const expected = plain(message) as { reply?: Record<string, unknown>; query?: Record<string, unknown> };
    if (expected.reply) delete expected.reply.nodes;
    if (expected.query?.impliedPort) expected.query.port = 0;
    assertEquals(decoded, expected, name);
  }
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const id = bytes(20), token = fc.uint8Array({ maxLength: 20 });
const want = some(fc.constantFrom<readonly (4 | 6)[]>([4], [6], [4, 6]));
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const bencoded = fc.constantFrom("i1e", "0:", "12:Hello World!", "d2:ih20:abcdefghij0123456789e", "li1ei2ee")
  .map(
    encodeUtf8,
  );

const anyQuery: fc.Arbitrary<SendableQuery> = fc.oneof(
  fc.record({ type: fc.constant("ping" as const), id }),
  fc.record({ type: fc.constant("findNode" as const), id, target: id, want }),
  fc.record({
    type: fc.constant("getPeers" as const),
    id,
    infoHash: id,
    want,
    noSeed: fc.boolean(),
    scrape: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("announcePeer" as const),
    id,
    infoHash: id,
    port: fc.integer({ min: 1, max: 65535 }),
    token,
    seed: fc.boolean(),
  }),
  fc.record({ type: fc.constant("get" as const), id, target: id, seq: some(int64), want }),
  fc.record({
    type: fc.constant("put" as const),
    id,
    token,
    value: bencoded,
    mutable: some(fc.record({
      publicKey: bytes(32),
      signature: bytes(64),
      seq: int64,
      salt: some(fc.uint8Array({ minLength: 1, maxLength: 64 })),
      cas: some(int64),
    })),
  }),
  fc.record({ type: fc.constant("sampleInfohashes" as const), id, target: id, want }),
);

const anyReply: fc.Arbitrary<SendableKrpcMessage> = fc.record({
  type: fc.constant("reply" as const),
  transaction: token,
  version: some(bytes(4)),
  requester: some(fc.oneof(bytes(6), bytes(18))),
  reply: fc.record({
    id,
    nodes: some(bytes(52)),
    nodes6: some(bytes(76)),
    token: some(token),
    values: some(fc.array(fc.oneof(bytes(6), bytes(18)), { maxLength: 5 })),
    seedFilter: some(bytes(256)),
    downloaderFilter: some(bytes(256)),
    value: some(bencoded),
    publicKey: some(bytes(32)),
    signature: some(bytes(64)),
    seq: some(int64),
    samples: some(bytes(40)),
    total: some(fc.nat()),
    intervalSeconds: some(fc.nat(21_600)),
  }),
});

const anyMessage: fc.Arbitrary<SendableKrpcMessage> = fc.oneof(
  fc.record({
    type: fc.constant("query" as const),
    transaction: token,
    version: some(bytes(4)),
    readOnly: fc.boolean(),
    query: anyQuery,
  }),
  anyReply,
  fc.record({
    type: fc.constant("error" as const),
    transaction: token,
    code: fc.nat(),
    message: fc.string({ maxLength: 40 }),
  }),
);

Deno.test("decodeKrpc() reads what encodeKrpc() writes", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    assertEquals(plain(decodeKrpc(encodeKrpc(message))), plain(message));
  }));
});

Deno.test("encodeKrpc() writes canonical bencode", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    decodeDictionary(encodeKrpc(message));
  }));
});

Deno.test("decodeKrpc() refuses every cut of a packet", () => {
  for (const { packet } of SAMPLES) {
    const whole = encodeUtf8(packet);
    for (let length = 0; length < whole.length; length++) {
      assertThrows(() => decodeKrpc(whole.subarray(0, length)), DecodeError);
    }
  }
});

Deno.test("decodeKrpc() throws nothing but DecodeError for random bytes and for damaged packets", () => {
  const tryIt = (bytes: Uint8Array) => {
    try {
      decodeKrpc(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), tryIt));
  fc.assert(fc.property(anyMessage, fc.nat(), fc.nat(255), (message, at, byte) => {
    const packet = encodeKrpc(message);
    packet[at % packet.length] = byte;
    tryIt(packet);
  }));
});

function decodeText(packet: string): KrpcMessage {
  return decodeKrpc(decodeByteString(packet));
}

Deno.test("decodeKrpc() answers senseless arguments with an invalid query that keeps its transaction", () => {
  const cases = {
    "no id": "d1:ade1:q4:ping1:t2:aa1:y1:qe",
    "short id": "d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
    "id of another type": "d1:ad2:idi7ee1:q4:ping1:t2:aa1:y1:qe",
    "no target": "d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe",
    "port 0": "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti0e5:token1:xe" +
      "1:q13:announce_peer1:t2:aa1:y1:qe",
    "put without a value": "d1:ad2:id20:abcdefghij01234567895:token1:xe1:q3:put1:t2:aa1:y1:qe",
    "put of a value with keys out of order": "d1:ad2:id20:abcdefghij01234567895:token1:x1:vd1:bi1e1:ai2eee" +
      "1:q3:put1:t2:aa1:y1:qe",
  };
  for (const [name, packet] of Object.entries(cases)) {
    const message = decodeText(packet);
    assertEquals(message.type === "query" && message.query.type, "invalid", name);
    assertEquals(message.transaction, AA, name);
  }
});

Deno.test("decodeKrpc() forgives keys out of order where nothing is stored", () => {
  const message = decodeText("d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee");
  assertEquals(plain(message), {
    type: "query",
    transaction: "aa",
    query: plain({ type: "ping", id: A_TO_J }),
  });
});

Deno.test("decodeKrpc() keeps the target of queries that it does not know", () => {
  const message = decodeText(
    "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:wantl2:n42:n92:n6ee" +
      "1:q5:dance1:t2:aa1:y1:qe",
  );
  assertEquals(plain(message), {
    type: "query",
    transaction: "aa",
    query: plain({ type: "unknown", method: "dance", id: A_TO_J, target: M_TO_S, want: [4, 6] }),
  });
});

Deno.test("decodeKrpc() drops fields of a reply that have the wrong type or length", () => {
  const message = decodeText(
    "d1:rd4:BFsd3:abc2:id20:abcdefghij01234567891:k1:x5:nodesi1e3:numi-1e7:samples3:abc6:valuesl6:axje.u1:xi3eee" +
      "1:t2:aa1:y1:re",
  );
  assertEquals(plain(message), {
    type: "reply",
    transaction: "aa",
    reply: plain({ id: A_TO_J, values: [encodeUtf8("axje.u")] }),
  });
});

Deno.test("decodeKrpc() reads an error of odd shape as a generic one", () => {
  const message = decodeText("d1:ele1:t2:aa1:y1:ee");
  assertEquals(message.type === "error" && message.code, KRPC_ERRORS.generic);
});

Deno.test("decodeKrpc() refuses bencode that is no message", () => {
  const strangers = ["de", "d1:t2:aae", "d1:t2:aa1:y1:xe", "d1:t2:aa1:y1:qe", "d1:t2:aa1:y1:re", "le", "i1e"];
  for (const packet of strangers) assertThrows(() => decodeText(packet), DecodeError);
});
