import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeHex, encodeHex } from "../../../src/bytes/text.ts";
import {
  COMPACT_NODE_LENGTH,
  decodeCompactNodes,
  encodeCompactNode,
} from "../../../src/dht/messages/node_info.ts";
import { DecodeError } from "../../../src/errors.ts";

const ID = new Uint8Array(20).fill(0xab);

Deno.test("encodeCompactNode() writes id, address and port", () => {
  const node = encodeCompactNode({ id: ID, address: { host: "1.2.3.4", port: 6881 } });
  assertEquals(encodeHex(node), "ab".repeat(20) + "01020304" + "1ae1");
  const node6 = encodeCompactNode({ id: ID, address: { host: "2001:db8::1", port: 1 } });
  assertEquals(encodeHex(node6), "ab".repeat(20) + "20010db8000000000000000000000001" + "0001");
});

Deno.test("decodeCompactNodes() reads what encodeCompactNode() writes and copies the ids", () => {
  for (const [family, host] of [[4, "1.2.3.4"], [6, "2001:db8::1"]] as const) {
    const contact = { id: ID, address: { host, port: 80 } };
    const bytes = encodeCompactNode(contact);
    const [decoded] = decodeCompactNodes(bytes, family);
    bytes.fill(0);
    assertEquals(decoded, contact);
  }
});

Deno.test("decodeCompactNodes() drops nodes with port 0", () => {
  assertEquals(decodeCompactNodes(decodeHex("ab".repeat(20) + "010203040000"), 4), []);
});

Deno.test("decodeCompactNodes() takes any bytes of the right length and refuses every other length", () => {
  for (const family of [4, 6] as const) {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      if (bytes.length % COMPACT_NODE_LENGTH[family] === 0) decodeCompactNodes(bytes, family);
      else assertThrows(() => decodeCompactNodes(bytes, family), DecodeError);
    }));
  }
});
