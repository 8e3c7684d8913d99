import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeBase32, encodeByteString, encodeHex } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import { formatMagnet, magnetLink, parseMagnet } from "../../src/metainfo/magnet.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import { readMetainfo } from "../../src/metainfo/metainfo.ts";
import { formatSelection, parseSelection } from "../../src/metainfo/selection.ts";

const V1 = "631a31dd0a46257d5078c0dee4e66e26f73e42ac";
const V2 = "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb";
const KEY = "8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e";

Deno.test("parseMagnet() reads the v2-only test link", () => {
  const hash = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";
  const magnet = parseMagnet(`magnet:?xt=urn:btmh:1220${hash}&dn=bittorrent-v2-test`);
  assertEquals(magnet.infoHashV2, decodeHex(hash));
  assertEquals(magnet.infoHashV1, undefined);
  assertEquals(magnet.name, "bittorrent-v2-test");
});

Deno.test("parseMagnet() reads the hybrid test link", () => {
  const magnet = parseMagnet(
    `magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}&dn=bittorrent-v1-v2-hybrid-test`,
  );
  assertEquals([magnet.infoHashV1, magnet.infoHashV2], [decodeHex(V1), decodeHex(V2)]);
});

Deno.test("parseMagnet() reads every parameter", () => {
  const magnet = parseMagnet(
    `magnet:?xt=urn:btih:${V1}&dn=a+b%20c%2Bd&xl=10826029&tr=http%3A%2F%2Ft.example%2Fa%3Fx%3D1%26y%2B2&tr.1=udp://u.example:80` +
      `&tr=udp://u.example:80&ws=http%3A%2F%2Fw.example%2F&x.pe=192.0.2.1:6881&x.pe=%5B2001:DB8:0:0::1%5D:1&x.pe=host.example:65535` +
      `&x.pe=host.example:65536&x.pe=[::1]&dht=router.example:6881&xs=http://c.example/t.torrent&as=https://a.example/t&so=0,2,4,6-8&kt=martin`,
  );
  assertEquals(magnet, {
    infoHashV1: decodeHex(V1),
    name: "a b c+d",
    length: 10826029,
    trackers: ["http://t.example/a?x=1&y+2", "udp://u.example:80"],
    webSeeds: ["http://w.example/"],
    peers: [
      { host: "192.0.2.1", port: 6881 },
      { host: "2001:db8::1", port: 1 },
      { host: "host.example", port: 65535 },
    ],
    nodes: [{ host: "router.example", port: 6881 }],
    sources: ["http://c.example/t.torrent", "https://a.example/t"],
    selectOnly: [0, 2, 4, 6, 7, 8],
  });
});

Deno.test("parseMagnet() reads base32 of either case, numbered and escaped topics", () => {
  const base32 = encodeBase32(decodeHex(V1));
  for (
    const topic of [
      `xt=urn:btih:${base32}`,
      `xt=urn:btih:${base32.toLowerCase()}`,
      `xt.1=urn:btih:${V1.toUpperCase()}`,
    ]
  ) {
    assertEquals(parseMagnet(`magnet:?${topic}`).infoHashV1, decodeHex(V1));
  }
  assertEquals(parseMagnet(`MAGNET:?dn=x&XT=urn%3Abtih%3A${V1}`).infoHashV1, decodeHex(V1));
  assertEquals(
    parseMagnet(` magnet:?xt.1=urn:btih:${V1}&amp;xt.2=urn:btmh:1220${V2}#x\n`).infoHashV2,
    decodeHex(V2),
  );
});

Deno.test("parseMagnet() reads a mutable torrent's link (BEP 46)", () => {
  const magnet = parseMagnet(`magnet:?xs=urn:btpk:${KEY}&s=6e`);
  assertEquals([magnet.publicKey, magnet.salt], [decodeHex(KEY), Uint8Array.of(0x6e)]);
  assertEquals(magnet.sources, []);
  assertEquals(parseMagnet(`magnet:?xt=urn:btih:${V1}&s=6e`).salt, undefined);
});

Deno.test("parseMagnet() takes the first topic that makes sense", () => {
  const magnet = parseMagnet(
    `magnet:?xt=urn:ed2k:31D6&xt=urn:btih:12&xt=urn:btih:${V1}&xt=urn:btih:${"0".repeat(40)}`,
  );
  assertEquals(magnet.infoHashV1, decodeHex(V1));
});

Deno.test("parseMagnet() leaves out what makes no sense", () => {
  const magnet = parseMagnet(
    `magnet:?xt=urn:btih:${V1}&dn=100%&tr=&tr&xl=-1&x.pe=a&dht=:1&so=x,1-,5-3,99999999999`,
  );
  assertEquals(magnet, {
    infoHashV1: decodeHex(V1),
    name: "100%",
    trackers: [],
    webSeeds: [],
    peers: [],
    nodes: [],
    sources: [],
  });
});

Deno.test("parseMagnet() throws where there is no torrent", () => {
  const links = [
    "",
    "http://example.com",
    "magnet:",
    "magnet:?dn=x",
    "magnet:?xt=urn:btih:xyz",
    `magnet:?xt=urn:btih:${V1}0`,
    `magnet:?xt=urn:btih:${"1".repeat(32)}`,
    `magnet:?xt=urn:btmh:1120${V2}`,
    `magnet:?xt=urn:btmh:1220${V1}`,
    `magnet:?xt=urn:sha1:${V1}`,
  ];
  for (const link of links) {
    assertThrows(() => parseMagnet(link), DecodeError, "Cannot decode magnet link", link);
  }
  assertThrows(
    () => parseMagnet(`magnet:?xt=urn:btih:${V1}&dn=${"x".repeat(1 << 20)}`),
    DecodeError,
    "longer than",
  );
});

Deno.test("parseMagnet() throws nothing but DecodeError", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(encodeByteString),
    fc.constantFrom("&xt=urn:btih:", "&so=0-99999999", "&tr.1=", "%", "%f", "&x.pe=[::1]:1", V1, "=", "&"),
  );
  fc.assert(fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
    try {
      parseMagnet(`magnet:?${parts.join("")}`);
    } catch (error) {
      assert(error instanceof DecodeError);
    }
  }));
});

Deno.test("parseMagnet() undoes formatMagnet()", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).map((s) => s.trim()).filter((s) =>
    s !== ""
  );
  const texts = fc.uniqueArray(text, { maxLength: 4 });
  const address = fc.record({
    host: fc.constantFrom("192.0.2.1", "2001:db8::1", "router.example"),
    port: fc.integer({ min: 1, max: 65535 }),
  });
  const link = fc.record({
    infoHashV1: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    infoHashV2: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    salt: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    name: text,
    length: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    trackers: texts,
    webSeeds: texts,
    sources: fc.uniqueArray(fc.webUrl(), { maxLength: 3 }),
    peers: fc.array(address, { maxLength: 3 }),
    nodes: fc.array(address, { maxLength: 3 }),
    selectOnly: fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 9 }).map((indexes) =>
      indexes.sort((a, b) => a - b)
    ),
  });
  fc.assert(fc.property(link, (magnet) => assertEquals(parseMagnet(formatMagnet(magnet)), magnet)));
});

Deno.test("formatMagnet() leaves addresses as they are and writes spaces as %20", () => {
  const link = formatMagnet({ infoHashV1: decodeHex(V1), name: "a b", peers: [{ host: "::1", port: 7 }] });
  assertEquals(link, `magnet:?xt=urn:btih:${V1}&dn=a%20b&x.pe=[::1]:7`);
  assertThrows(() => formatMagnet({ name: "x" }), TypeError);
});

Deno.test("magnetLink() names a torrent by all its hashes", async () => {
  const content = new Uint8Array(100), announce = [["http://a/"], ["http://b/"]];
  const metainfo = await readMetainfo(
    await createTorrent([{ path: ["x"], content }], { announce, version: "hybrid", webSeeds: ["http://w/"] }),
  );
  const magnet = parseMagnet(formatMagnet(magnetLink(metainfo)));
  assertEquals(encodeHex(magnet.infoHashV1!), encodeHex(metainfo.infoHashV1!));
  assertEquals(encodeHex(magnet.infoHashV2!), encodeHex(metainfo.infoHashV2!));
  assertEquals([magnet.name, magnet.trackers, magnet.webSeeds], ["x", ["http://a/", "http://b/"], [
    "http://w/",
  ]]);
});

Deno.test("parseSelection() keeps to its limit, however often it is provoked", () => {
  assertEquals(parseSelection("0-4000000000,7"), [7]);
  assertEquals(parseSelection(new Array(50_000).fill("0-99999").join(",")).length, 100_000);
  assertEquals(parseSelection("3,1-2,2-5,1"), [1, 2, 3, 4, 5]);
});

Deno.test("parseSelection() undoes formatSelection()", () => {
  assertEquals(formatSelection([8, 0, 2, 4, 6, 7, 7]), "0,2,4,6-8");
  fc.assert(fc.property(fc.uniqueArray(fc.nat(200)), (indexes) => {
    assertEquals(parseSelection(formatSelection(indexes)), indexes.sort((a, b) => a - b));
  }));
});

Deno.test("parseMagnet() keeps no more hints than anybody needs", () => {
  const many = (key: string, value: (i: number) => string) =>
    Array.from({ length: 3000 }, (_, i) => `&${key}=${value(i)}`).join("");
  const url = (i: number) => `http://${i}/`, place = (i: number) => `host${i}:1`;
  const link = parseMagnet(
    `magnet:?xt=urn:btih:${"ab".repeat(20)}${many("tr", url)}${many("ws", url)}${many("xs", url)}${
      many("x.pe", place)
    }${many("dht", place)}`,
  );
  const { trackers, webSeeds, sources, peers, nodes } = link;
  for (const list of [trackers, webSeeds, sources, peers]) assertEquals(list.length, 1000);
  assertEquals(nodes.length, 100);
});
