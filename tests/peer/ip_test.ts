import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../src/bytes/text.ts";
import { addressFamily, addressScope, canonicalHost, formatIp, isIpv6, parseIp } from "../../src/peer/ip.ts";
import { ip } from "./arbitrary.ts";

Deno.test("formatIp() writes the examples of RFC 5952", () => {
  const examples: [hex: string, text: string][] = [
    ["20010db8000000000000000000000001", "2001:db8::1"],
    ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    ["20010000000000010000000000000001", "2001:0:0:1::1"],
    ["20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
    ["20010db8aaaabbbbccccddddeeee0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"],
    ["00000000000000000000000000000000", "::"],
    ["00000000000000000000000000000001", "::1"],
    ["fe800000000000000000000000000000", "fe80::"],
    ["00000000000000000000ffffc0000201", "192.0.2.1"],
    ["c0000201", "192.0.2.1"],
  ];
  for (const [hex, text] of examples) assertEquals(formatIp(decodeHex(hex)), text);
});

Deno.test("formatIp() refuses other lengths", () => {
  for (const length of [0, 3, 5, 15, 17]) assertThrows(() => formatIp(new Uint8Array(length)), RangeError);
});

Deno.test("parseIp() reads every spelling of IPv6 and gives mapped IPv4 four bytes", () => {
  const examples: [text: string, hex: string][] = [
    ["2001:DB8:0:0:0:0:0:1", "20010db8000000000000000000000001"],
    ["2001:0db8::0001", "20010db8000000000000000000000001"],
    ["::", "00000000000000000000000000000000"],
    ["1::", "00010000000000000000000000000000"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
    ["::ffff:1.2.3.4", "01020304"],
    ["::FFFF:102:304", "01020304"],
    ["255.255.255.255", "ffffffff"],
    ["0.0.0.0", "00000000"],
  ];
  for (const [text, hex] of examples) assertEquals(encodeHex(parseIp(text)!), hex, text);
});

Deno.test("parseIp() is strict", () => {
  const bad = [
    "",
    " 1.2.3.4",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.04",
    "0x1.2.3.4",
    "1.2.3.256",
    "1.2.3.-4",
    "1e1.2.3.4",
    "1.2.3.4 ",
    "16909060",
    "localhost",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:2:3:4:5:6:7:8::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1.2.3.4::1",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    ":1::",
    "1::2:",
    "[::1]",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1.2.3.04",
    "::1.2.3",
    "1:2:3:4:5:6:7:1.2.3.4",
    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
  ];
  for (const text of bad) assertEquals(parseIp(text), undefined, text);
});

Deno.test("parseIp() undoes formatIp(), and never throws", () => {
  fc.assert(fc.property(ip, (bytes) => {
    const text = formatIp(bytes);
    assertEquals(formatIp(parseIp(text)!), text);
    if (isIpv6(text)) assertEquals(parseIp(text), bytes);
  }));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abf:.[]%"), maxLength: 50 }), (text) => {
      const canonical = canonicalHost(text);
      if (canonical !== undefined) assertEquals(canonicalHost(canonical), canonical);
    }),
  );
});

Deno.test("addressScope() knows the special ranges by their edges", () => {
  const examples = {
    "0.0.0.0": "unspecified",
    "9.255.255.255": "global",
    "10.0.0.0": "private",
    "10.255.255.255": "private",
    "11.0.0.0": "global",
    "100.63.255.255": "global",
    "100.64.0.0": "private",
    "100.127.255.255": "private",
    "100.128.0.0": "global",
    "127.8.9.1": "loopback",
    "169.254.1.1": "linkLocal",
    "172.15.255.255": "global",
    "172.16.0.0": "private",
    "172.31.255.255": "private",
    "172.32.0.0": "global",
    "192.168.0.1": "private",
    "192.169.0.1": "global",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::2": "global",
    "fc00::1": "private",
    "fdff::1": "private",
    "fe80::1": "linkLocal",
    "febf::1": "linkLocal",
    "ff15::efc0:988f": "multicast",
    "2001:db8::1": "global",
    "::ffff:10.0.0.1": "private",
  } as const;
  for (const [host, scope] of Object.entries(examples)) assertEquals(addressScope(host), scope, host);
  assertThrows(() => addressScope("example.org"), RangeError);
});

Deno.test("addressFamily() tells the families apart", () => {
  assertEquals(["1.2.3.4", "2001:db8::1", "::"].map(addressFamily), [4, 6, 6]);
});
