import { assertEquals, assertThrows } from "@std/assert";
import { encodeHex } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import { decodeDontHave, encodeDontHave } from "../../../src/wire/messages/dont_have.ts";

Deno.test("encodeDontHave() writes the index of BEP 54", () => {
  assertEquals(encodeHex(encodeDontHave({ type: "dontHave", piece: 0x01020304 })), "01020304");
});

Deno.test("decodeDontHave() undoes encodeDontHave() and takes no other length", () => {
  for (const piece of [0, 1, 0xffffffff]) {
    assertEquals(decodeDontHave(encodeDontHave({ type: "dontHave", piece })), { type: "dontHave", piece });
  }
  for (const length of [0, 1, 2, 3, 5, 8]) {
    assertThrows(() => decodeDontHave(new Uint8Array(length)), DecodeError);
  }
});
