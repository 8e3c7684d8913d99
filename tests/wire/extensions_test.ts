import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { decodeUtf8, encodeUtf8 } from "../../src/bytes/text.ts";
import { DecodeError } from "../../src/errors.ts";
import {
  customExtension,
  type ExtensionMessage,
  type ExtensionName,
  EXTENSIONS,
  ExtensionTable,
} from "../../src/wire/extensions.ts";
import { encodeExtensionHandshake } from "../../src/wire/messages/extension.ts";

const address = { host: "192.0.2.1", port: 6881 };

/** A message of every extension. */
const EXAMPLES: readonly [ExtensionName, ExtensionMessage][] = [
  ["ut_metadata", { type: "metadataRequest", piece: 1 }],
  ["ut_metadata", { type: "metadataData", piece: 0, totalSize: 2, block: Uint8Array.of(1, 2) }],
  ["ut_metadata", { type: "metadataReject", piece: 1 }],
  ["ut_pex", { type: "pex", added: [{ address, flags: 1 }], dropped: [] }],
  ["ut_holepunch", { type: "holepunchRendezvous", address }],
  ["ut_holepunch", { type: "holepunchConnect", address }],
  ["ut_holepunch", { type: "holepunchError", address, code: 2 }],
  ["lt_donthave", { type: "dontHave", piece: 9 }],
  ["upload_only", { type: "uploadOnly", uploadOnly: true }],
];

const NAMES = Object.keys(EXTENSIONS) as ExtensionName[];

function hear(table: ExtensionTable, ids: Record<string, number>): void {
  table.decode(0, encodeExtensionHandshake({ ids: new Map(Object.entries(ids)) }));
}

/** Two tables that have exchanged their handshakes. */
function pair(
  ours: readonly ExtensionName[],
  theirs: readonly ExtensionName[],
): [ExtensionTable, ExtensionTable] {
  const a = new ExtensionTable(ours), b = new ExtensionTable(theirs);
  hear(a, Object.fromEntries(b.ids));
  hear(b, Object.fromEntries(a.ids));
  return [a, b];
}

Deno.test("EXTENSIONS has a row for every extension, under its own name", () => {
  assertEquals(Object.entries(EXTENSIONS).every(([name, codec]) => codec.name === name), true);
  assertEquals(new Set(EXAMPLES.map(([name]) => name)), new Set(NAMES));
});

Deno.test("ExtensionTable sends with the peer's ids and receives with its own", () => {
  const [a, b] = pair(NAMES, NAMES.toReversed());
  for (const [name, message] of EXAMPLES) {
    const sent = a.encode(message)!;
    assertEquals(sent.id, b.ids.get(name));
    assertEquals(b.decode(sent.id, sent.payload), message);
  }
});

Deno.test("ExtensionTable sends nothing before the peer's handshake but its own", () => {
  const table = new ExtensionTable(NAMES);
  for (const [, message] of EXAMPLES) assertEquals(table.encode(message), undefined, message.type);
  assertEquals(table.encode({ type: "extensionHandshake" })?.id, 0);
});

Deno.test("ExtensionTable.decode() treats `m` as additive and 0 as off", () => {
  const table = new ExtensionTable();
  hear(table, { ut_pex: 3, lt_donthave: 4 });
  hear(table, { ut_pex: 0, upload_only: 7 });
  assertFalse(table.isUnderstood("ut_pex"));
  assertEquals(table.encode({ type: "dontHave", piece: 1 })?.id, 4);
  assertEquals(table.encode({ type: "uploadOnly", uploadOnly: true })?.id, 7);
  hear(table, { ut_pex: 9 });
  assertEquals(table.encode({ type: "pex", added: [], dropped: [] })?.id, 9);
});

Deno.test("ExtensionTable.decode() ignores ids that were never given", () => {
  const table = new ExtensionTable(["ut_pex"]);
  for (const id of [2, 3, 255]) assertEquals(table.decode(id, Uint8Array.of(0xff)), undefined);
  assertThrows(() => table.decode(1, Uint8Array.of(0xff)), DecodeError);
});

Deno.test("ExtensionTable.decode() takes dontHave from a peer that does not list it, hole punching not", () => {
  const table = new ExtensionTable(["lt_donthave", "ut_holepunch"]);
  const { payload } = pair([], ["ut_holepunch"])[0].encode({ type: "holepunchRendezvous", address })!;
  assertEquals(table.decode(1, Uint8Array.of(0, 0, 0, 5)), { type: "dontHave", piece: 5 });
  assertEquals(table.decode(2, payload), undefined);
  hear(table, { ut_holepunch: 1 });
  assertEquals(table.decode(2, payload), { type: "holepunchRendezvous", address });
});

Deno.test("ExtensionTable.encode() switches our own extensions on and off", () => {
  const table = new ExtensionTable(["ut_metadata", "ut_pex"]), pex = { added: [], dropped: [] };
  const { payload } = pair([], ["ut_pex"])[0].encode({ type: "pex", ...pex })!;
  table.encode({ type: "extensionHandshake", ids: new Map([["ut_pex", 0], ["lt_donthave", 5]]) });
  assertEquals(table.decode(2, payload), undefined);
  assertEquals(table.decode(5, Uint8Array.of(0, 0, 0, 1)), { type: "dontHave", piece: 1 });
  assertEquals(table.ids, new Map([["ut_metadata", 1], ["lt_donthave", 5]]));
});

Deno.test("ExtensionTable refuses to offer what has no codec, and ids beyond a byte", () => {
  const table = new ExtensionTable();
  assertThrows(() => table.encode({ type: "extensionHandshake", ids: new Map([["xy_z", 1]]) }), RangeError);
  assertThrows(
    () => table.encode({ type: "extensionHandshake", ids: new Map([["ut_pex", 256]]) }),
    RangeError,
  );
});

Deno.test("ExtensionTable understands only names it has a codec for, but remembers the others for later", () => {
  const table = new ExtensionTable(),
    chat = customExtension("nb_chat", { encode: encodeUtf8, decode: decodeUtf8 });
  const message = { type: "custom", extension: "nb_chat", value: "hello" } as const;
  hear(table, { nb_chat: 5, ut_pex: 6 });
  assertEquals([table.isUnderstood("nb_chat"), table.isUnderstood("ut_pex")], [false, true]);
  assertEquals(table.encode(message), undefined);
  assertEquals(table.add(chat), 1);
  assert(table.isUnderstood("nb_chat"));
  assertEquals(table.encode(message)?.id, 5);
});

Deno.test("ExtensionTable remembers a few dozen unknown names, so that a peer cannot fill its memory", () => {
  const table = new ExtensionTable(), names = Array.from({ length: 500 }, (_, i) => `xy_${i}`);
  for (const name of ["x".repeat(65), ...names]) hear(table, { [name]: 1 });
  hear(table, { ut_pex: 6 });
  const isRemembered = (name: string) => {
    table.add(customExtension(name, { encode: encodeUtf8, decode: decodeUtf8 }));
    return table.isUnderstood(name);
  };
  assert(table.isUnderstood("ut_pex"));
  assertFalse(isRemembered("x".repeat(65)));
  const remembered = names.slice(0, 250).filter(isRemembered).length;
  assert(remembered >= 64 && remembered < 80, `${remembered}`);
});

Deno.test("ExtensionTable.add() gives ids that were not in use while there are any, 255 at most", () => {
  const codec = (name: string) => customExtension(name, { encode: encodeUtf8, decode: decodeUtf8 });
  const table = new ExtensionTable(["ut_pex", "ut_metadata"]);
  assertEquals([table.add(codec("xy_a")), table.add(codec("xy_a"))], [3, undefined]);
  table.encode({ type: "extensionHandshake", ids: new Map([["xy_a", 0], ["ut_pex", 0]]) });
  assertEquals(table.add(codec("xy_b")), 4);
  for (let id = 5; id <= 255; id++) assertEquals(table.add(codec(`xy_${id}`)), id);
  assertEquals([table.add(codec("xy_c")), table.add(codec("xy_d"))], [1, 3]);
  assertThrows(() => table.add(codec("xy_e")), RangeError);
});

Deno.test("customExtension() speaks an extension of the caller's own", () => {
  const chat = customExtension<string>("nb_chat", {
    encode: encodeUtf8,
    decode: (payload) => payload.length === 0 ? undefined : decodeUtf8(payload),
  });
  const table = new ExtensionTable(["ut_pex", chat]);
  hear(table, { nb_chat: 42 });
  const sent = table.encode({ type: "custom", extension: "nb_chat", value: "hello" });
  assertEquals(sent, { id: 42, payload: encodeUtf8("hello") });
  assertEquals(table.decode(2, sent!.payload), { type: "custom", extension: "nb_chat", value: "hello" });
  assertEquals(table.decode(2, new Uint8Array()), undefined);
});
