import { assertEquals } from "@std/assert";
import { decodeUploadOnly, encodeUploadOnly } from "../../../src/wire/messages/upload_only.ts";

Deno.test("decodeUploadOnly() reads one byte and ignores other lengths", () => {
  for (const uploadOnly of [true, false]) {
    const message = { type: "uploadOnly", uploadOnly } as const;
    assertEquals(decodeUploadOnly(encodeUploadOnly(message)), message);
  }
  assertEquals(decodeUploadOnly(Uint8Array.of(7)), { type: "uploadOnly", uploadOnly: true });
  assertEquals(decodeUploadOnly(new Uint8Array()), undefined);
  assertEquals(decodeUploadOnly(new Uint8Array(4)), undefined);
});
