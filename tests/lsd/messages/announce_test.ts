import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeUtf8 } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import {
  decodeLsdAnnounce,
  encodeLsdAnnounce,
  LSD_GROUPS,
  type LsdAnnounce,
  MAX_INFO_HASHES,
} from "../../../src/lsd/messages/announce.ts";

const HEX = "e45dc33c33d99b660e9020b6da247a5dfba6e497";
const infoHash = decodeHex(HEX);

function decodeText(text: string): LsdAnnounce {
  return decodeLsdAnnounce(encodeUtf8(text));
}

Deno.test("LSD_GROUPS are those of BEP 14", () => {
  assertEquals(LSD_GROUPS, {
    4: { host: "239.192.152.143", port: 6771 },
    6: { host: "ff15::efc0:988f", port: 6771 },
  });
});

Deno.test("encodeLsdAnnounce() writes what BEP 14 shows, the host of IPv6 in brackets", () => {
  const announce = { infoHashes: [infoHash], port: 6881, cookie: "182e48b0" };
  assertEquals(
    encodeLsdAnnounce(announce, 4),
    encodeUtf8(
      "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
        `Infohash: ${HEX}\r\ncookie: 182e48b0\r\n\r\n\r\n`,
    ),
  );
  assertEquals(
    encodeLsdAnnounce({ infoHashes: [infoHash, infoHash], port: 1 }, 6),
    encodeUtf8(
      "BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 1\r\n" +
        `Infohash: ${HEX}\r\nInfohash: ${HEX}\r\n\r\n\r\n`,
    ),
  );
});

// As they came over the wire.
const SEEN = {
  "libtorrent 2.0.8": "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
    `Infohash: ${HEX}\r\ncookie: 182e48b0\r\n\r\n\r\n`,
  "Transmission 3.00": "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
    `Infohash: ${HEX.toUpperCase()}\r\n\r\n\r\n`,
  "aria2 1.36": "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
    `Infohash: ${HEX}\r\n\r\n\r\n`,
};

for (const [client, text] of Object.entries(SEEN)) {
  Deno.test(`decodeLsdAnnounce() reads an announce of ${client}`, () => {
    const { infoHashes, port, cookie } = decodeText(text);
    assertEquals([infoHashes, port], [[infoHash], 6881]);
    assertEquals(cookie, client.startsWith("libtorrent") ? "182e48b0" : undefined);
  });
}

for (
  const [what, text] of [
    ["LF alone", `BT-SEARCH * HTTP/1.1\nPort: 7\nInfohash: ${HEX}\n\n`],
    ["other cases and no blanks", `bt-search * http/1.0\r\nPORT:7\r\ninfohash:${HEX}`],
    [
      "unknown headers",
      `BT-SEARCH * HTTP/1.1\r\nX: y\r\nnonsense\r\nPort: 7\r\nInfohash: ${HEX}\r\n\r\n\r\n`,
    ],
    ["lists with commas", `BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${HEX}, ,short\r\n\r\n\r\n`],
    ["hashes that are none", `BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: zz\r\nInfohash: ${HEX}\r\n\r\n`],
    ["a strange host", `BT-SEARCH * HTTP/1.1\r\nHost: here\r\nPort: 7\r\nInfohash: ${HEX}\r\n\r\n\r\n`],
    ["an empty cookie", `BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${HEX}\r\ncookie:\r\n\r\n\r\n`],
    ["a body", `BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${HEX}\r\n\r\n\r\nbody: 3\0`],
  ] as const
) {
  Deno.test(`decodeLsdAnnounce() bears with ${what}`, () => {
    assertEquals(decodeText(text), { infoHashes: [infoHash], port: 7 });
  });
}

for (
  const [what, text, message] of [
    ["other requests", `NOTIFY * HTTP/1.1\r\nPort: 7\r\nInfohash: ${HEX}\r\n\r\n`, "not a BT-SEARCH request"],
    ["answers", "HTTP/1.1 200 OK\r\n\r\n", "not a BT-SEARCH request"],
    ["nothing", "", "not a BT-SEARCH request"],
    ["no port", `BT-SEARCH * HTTP/1.1\r\nInfohash: ${HEX}\r\n\r\n`, "no port"],
    ["port 0", `BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: ${HEX}\r\n\r\n`, "no port"],
    ["port 65536", `BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\nInfohash: ${HEX}\r\n\r\n`, "no port"],
    ["a port in words", `BT-SEARCH * HTTP/1.1\r\nPort: 1e3\r\nInfohash: ${HEX}\r\n\r\n`, "no port"],
    ["no info hash", "BT-SEARCH * HTTP/1.1\r\nPort: 7\r\n\r\n", "no info hash"],
    ["a hash that is none", "BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: 00\r\n\r\n", "no info hash"],
  ] as const
) {
  Deno.test(`decodeLsdAnnounce() refuses ${what}`, () => {
    assertThrows(() => decodeText(text), DecodeError, `Cannot decode local announce: ${message}`);
  });
}

const announce: fc.Arbitrary<LsdAnnounce> = fc.record({
  infoHashes: fc.array(fc.uint8Array({ minLength: 20, maxLength: 20 }), {
    minLength: 1,
    maxLength: MAX_INFO_HASHES,
  }),
  port: fc.integer({ min: 1, max: 65535 }),
  cookie: fc.stringMatching(/^[!-~]{1,64}$/),
}, { requiredKeys: ["infoHashes", "port"] });

Deno.test("decodeLsdAnnounce() undoes encodeLsdAnnounce(), and no announce is longer than 1400 bytes", () => {
  fc.assert(fc.property(announce, fc.constantFrom(4, 6), (announce, family) => {
    const bytes = encodeLsdAnnounce(announce, family);
    assert(bytes.length <= 1400);
    assertEquals(decodeLsdAnnounce(bytes), announce);
  }));
});

Deno.test("encodeLsdAnnounce() fits the most hashes, the longest port and cookie into 1400 bytes", () => {
  const infoHashes = Array.from({ length: MAX_INFO_HASHES }, () => infoHash);
  const bytes = encodeLsdAnnounce({ infoHashes, port: 65535, cookie: "c".repeat(64) }, 6);
  assert(bytes.length <= 1400 && bytes.length > 1400 - 52);
});

for (
  const [what, wrong] of [
    ["no info hash", { infoHashes: [] }],
    ["too many info hashes", { infoHashes: Array.from({ length: MAX_INFO_HASHES + 1 }, () => infoHash) }],
    ["a hash of 32 bytes", { infoHashes: [new Uint8Array(32)] }],
    ["port 0", { port: 0 }],
    ["port 65536", { port: 65536 }],
    ["a cookie with a line end", { cookie: "a\r\nb" }],
    ["a cookie that is too long", { cookie: "a".repeat(65) }],
    ["an empty cookie", { cookie: "" }],
  ] as const
) {
  Deno.test(`encodeLsdAnnounce() refuses ${what}`, () => {
    const announce = { infoHashes: [infoHash], port: 1, ...wrong };
    assertThrows(() => encodeLsdAnnounce(announce, 4), RangeError, "Cannot encode local announce: ");
  });
}

Deno.test("decodeLsdAnnounce() survives every cut and looks at the first 1400 bytes and 24 hashes only", () => {
  const whole = encodeLsdAnnounce({ infoHashes: [infoHash], port: 6881, cookie: "abc" }, 4);
  for (let length = 0; length < whole.length; length++) {
    try {
      assertEquals(decodeLsdAnnounce(whole.subarray(0, length)).infoHashes, [infoHash]);
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }
  const long = `BT-SEARCH * HTTP/1.1\r\nPort: 7\r\nInfohash: ${Array(500).fill(HEX).join(",")}\r\n\r\n\r\n`;
  assertEquals(decodeText(long).infoHashes.length, 24);
});

Deno.test("decodeLsdAnnounce() throws nothing but DecodeError on random bytes", () => {
  const start = fc.constantFrom(
    "",
    "BT-SEARCH * HTTP/1.1\r\n",
    "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ",
  );
  fc.assert(fc.property(start, fc.uint8Array({ maxLength: 200 }), (start, rest) => {
    try {
      const { infoHashes, port } = decodeLsdAnnounce(Uint8Array.from([...encodeUtf8(start), ...rest]));
      assert(infoHashes.length > 0 && port > 0);
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }));
});
