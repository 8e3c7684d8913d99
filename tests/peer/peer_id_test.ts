import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeByteString, encodeByteString } from "../../src/bytes/text.ts";
import { AZUREUS_CLIENTS } from "../../src/peer/client_names.ts";
import { createPeerId, identifyClient, PEER_ID_LENGTH } from "../../src/peer/peer_id.ts";

function identify(start: string): string | undefined {
  const client = identifyClient(decodeByteString(start.padEnd(PEER_ID_LENGTH, "x").slice(0, PEER_ID_LENGTH)));
  return client && [client.name, client.version].filter((part) => part !== undefined).join(" ");
}

Deno.test("createPeerId() puts random characters behind the prefix", () => {
  let draws = 0;
  const random = () => (draws++ % 64) / 64;
  assertEquals(encodeByteString(createPeerId(random)), "-NB0100-0123456789AB");
  assertEquals(encodeByteString(createPeerId(random, "-XX-")), "-XX-CDEFGHIJKLMNOPQR");
  assertNotEquals(createPeerId(random), createPeerId(random));
});

Deno.test("createPeerId() is recognised as this library and always has 20 bytes", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 0.9999999, noNaN: true }), (draw) => {
    const id = createPeerId(() => draw);
    assertEquals(id.length, PEER_ID_LENGTH);
    assertEquals(identifyClient(id), { name: "network-bittorrent", version: "0.1.0" });
  }));
});

Deno.test("createPeerId() refuses a prefix that does not fit", () => {
  assertThrows(() => createPeerId(() => 0, "x".repeat(21)), RangeError);
  assertThrows(() => createPeerId(() => 0, "-ΩΩ0000-"), RangeError);
});

Deno.test("identifyClient() knows the examples of BEP 20", () => {
  const examples = {
    "M4-3-6--": "Mainline 4.3.6",
    "M4-20-8-": "Mainline 4.20.8",
    "-AZ2060-": "Azureus 2.0.6",
    "S58B-----": "Shadow's client 5.8.11",
    "exbc\x00\x38": "BitComet 0.56",
    "FUTB\x00\x07": "BitComet 0.07",
    "exbc\x01\x05LORD": "BitLord 1.05",
    "XBT054d-": "XBT Client 0.5.4",
    "XBT054--": "XBT Client 0.5.4",
    "OP7683aaaaaaaaaaaaaa": "Opera 7683",
    "-ML2.7.2-kgjjfkd": "MLdonkey 2.7.2",
    "-BOWA0C-": "Bits on Wheels 1.0.6",
    "-BOWB01-": "Bits on Wheels B01",
    "Q1-0-0--": "Queen Bee 1.0.0",
    "Q1-10-0-": "Queen Bee 1.10.0",
    "AZ2500BT": "BitTyrant",
    "346------": "TorrenTopia",
    "\0\x03BS": "BitSpirit",
    "\0\x02BS": "BitSpirit",
    "xxxxxxxxxxxxxxxxUDP0": "BitSpirit",
    "05RSnickname": "Rufus 05",
    "-G3nickname": "G3 Torrent",
    "-FG0180": "FlashGet 1.80",
    "AP1.0-": "AllPeers 1.0",
  };
  for (const [start, text] of Object.entries(examples)) assertEquals(identify(start), text, start);
});

Deno.test("identifyClient() knows how deployed clients write their version", () => {
  const examples = {
    "-TR0006-": "Transmission 0.6",
    "-TR0072-": "Transmission 0.72",
    "-TR2940-": "Transmission 2.94",
    "-TR4060-": "Transmission 4.0.6",
    "-lt0D80-": "libTorrent (rTorrent) 0.13.8",
    "-LT20B0-": "libtorrent (Rasterbar) 2.0.11",
    "-qB4650-": "qBittorrent 4.6.5",
    "-DE211s-": "Deluge 2.1.1",
    "-UT341\0-": "µTorrent 3.4.1",
    "-UT355W-": "µTorrent 3.5.5",
    "-BC0202-": "BitComet 2.02",
    "-WW0102-": "WebTorrent 1.2",
    "-WD0118-": "WebTorrent Desktop 1.18",
    "-AZ5760-": "Azureus 5.7.6",
    "-FC1013\x01\x01": "FileCroc 1.0.1.3",
    "-RN1.13.0-": "rain 1.13.0",
    "A2-1-18-8-": "aria2 1.18.8",
    "-aria2-": "aria2",
    "TIX0193-": "Tixati 0193",
    "T03I-----": "BitTornado 0.3.18",
    "A310--001": undefined,
    "R----": undefined,
    "-LW0001-": "LimeWire",
    "-A~1230-": "Ares 1.2.3",
    "-??1230-": undefined,
    "-__proto__-": undefined,
  };
  for (const [start, text] of Object.entries(examples)) assertEquals(identify(start), text, start);
});

Deno.test("identifyClient() names every client of the Azureus table", () => {
  for (const [code, [name]] of Object.entries(AZUREUS_CLIENTS)) {
    const client = identifyClient(decodeByteString(`-${code}1234-xxxxxxxxxxxx`));
    assertEquals(client?.name, name, code);
  }
});

Deno.test("identifyClient() takes any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
    const client = identifyClient(bytes);
    if (client !== undefined) assertNotEquals(client.name, "");
  }));
});
