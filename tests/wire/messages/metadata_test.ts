import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeByteString, encodeByteString } from "../../../src/bytes/text.ts";
import { DecodeError } from "../../../src/errors.ts";
import {
  decodeMetadata,
  encodeMetadata,
  METADATA_BLOCK_LENGTH,
  metadataBlockLength,
  type MetadataMessage,
} from "../../../src/wire/messages/metadata.ts";

const piece = fc.integer({ min: 0, max: 1000 });
const data = fc.record({
  piece: fc.nat(3),
  totalSize: fc.integer({ min: 1, max: 5 * METADATA_BLOCK_LENGTH }),
})
  .filter(({ piece, totalSize }) => metadataBlockLength(piece, totalSize) > 0)
  .map(({ piece, totalSize }): MetadataMessage => {
    const block = new Uint8Array(metadataBlockLength(piece, totalSize)).fill(0x65); // all "e"
    return { type: "metadataData", piece, totalSize, block };
  });
const message: fc.Arbitrary<MetadataMessage> = fc.oneof(
  fc.record({ type: fc.constant("metadataRequest" as const), piece }),
  fc.record({ type: fc.constant("metadataReject" as const), piece }),
  data,
);

Deno.test("encodeMetadata() writes the examples of BEP 9", () => {
  assertEquals(
    encodeByteString(encodeMetadata({ type: "metadataRequest", piece: 0 })),
    "d8:msg_typei0e5:piecei0ee",
  );
  assertEquals(
    encodeByteString(encodeMetadata({ type: "metadataReject", piece: 0 })),
    "d8:msg_typei2e5:piecei0ee",
  );
  const block = new Uint8Array(3425).fill(0x78);
  assertEquals(
    encodeByteString(encodeMetadata({ type: "metadataData", piece: 0, totalSize: 3425, block })),
    `d8:msg_typei1e5:piecei0e10:total_sizei3425ee${"x".repeat(3425)}`,
  );
});

Deno.test("decodeMetadata() undoes encodeMetadata(), also when the block looks like the end of the dictionary", () => {
  fc.assert(
    fc.property(message, (message) => assertEquals(decodeMetadata(encodeMetadata(message)), message)),
  );
});

Deno.test("decodeMetadata() demands the block length of its place", () => {
  const totalSize = METADATA_BLOCK_LENGTH + 5;
  for (const [piece, length] of [[0, METADATA_BLOCK_LENGTH], [1, 5]] as const) {
    for (const wrong of [0, length - 1, length + 1]) {
      const bytes = encodeMetadata({ type: "metadataData", piece, totalSize, block: new Uint8Array(wrong) });
      assertThrows(() => decodeMetadata(bytes), DecodeError);
    }
  }
  for (const piece of [2, 3]) {
    const bytes = encodeMetadata({ type: "metadataData", piece, totalSize, block: new Uint8Array() });
    assertThrows(() => decodeMetadata(bytes), DecodeError, "behind the end");
  }
});

Deno.test("decodeMetadata() ignores unknown message types", () => {
  assertEquals(decodeMetadata(decodeByteString("d8:msg_typei3e5:piecei0ee")), undefined);
});

Deno.test("decodeMetadata() takes unsorted and unknown keys", () => {
  const bytes = decodeByteString("d5:piecei7e8:msg_typei0e1:xi1ee");
  assertEquals(decodeMetadata(bytes), { type: "metadataRequest", piece: 7 });
});

Deno.test("decodeMetadata() refuses broken messages", () => {
  const broken = [
    "",
    "i0e",
    "le",
    "de",
    "d8:msg_typei0ee",
    "d5:piecei0ee",
    "d8:msg_typei0e5:piecei-1ee",
    "d8:msg_type1:05:piecei0ee",
    "d8:msg_typei0e5:piecei99999999999999999999ee",
    "d8:msg_typei1e5:piecei0ee",
    "d8:msg_typei1e5:piecei0e10:total_sizei-1ee",
    "d8:msg_typei0e5:piecei0e",
  ];
  for (const text of broken) assertThrows(() => decodeMetadata(decodeByteString(text)), DecodeError);
});

Deno.test("decodeMetadata() throws nothing but DecodeError", () => {
  const good = encodeMetadata({ type: "metadataData", piece: 0, totalSize: 9, block: new Uint8Array(9) });
  fc.assert(fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
    const bytes = good.slice(0, end);
    if (at < end) bytes[at] = byte;
    try {
      decodeMetadata(bytes);
    } catch (error) {
      assertInstanceOf(error, DecodeError);
    }
  }));
});
