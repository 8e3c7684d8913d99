import { assertEquals } from "@std/assert";
import { encodeMessage } from "../../src/wire/messages/encode_message.ts";
import type { ConnectionInput } from "../../src/wire/connection.ts";
import { hear, INFO_HASH, opened, Pair, said } from "./talk.ts";

const typesOf = (effects: Pair["heard"]["a"]) =>
  effects.map((effect) =>
    effect.type === "message" || effect.type === "extension" ? effect.message.type : effect.type
  );

Deno.test("Connection carries a whole conversation: handshakes, what each has, a block, metadata, goodbye", () => {
  const pair = new Pair(
    { extensions: ["ut_metadata", "ut_pex"], extensionHandshake: { client: "a", requestQueue: 500 } },
    {
      infoHash: INFO_HASH,
      pieceCount: 20,
      extensions: ["ut_pex", "ut_metadata"],
      extensionHandshake: { metadataSize: 3, yourIp: "192.0.2.1" },
    },
  );
  pair.tell("b", { type: "sendAll", messages: [{ type: "haveAll" }, { type: "unchoke" }] });
  pair.tell("a", { type: "sendExtension", message: { type: "metadataRequest", piece: 0 } });
  const block = Uint8Array.of(1, 2, 3);
  pair.tell("b", { type: "sendExtension", message: { type: "metadataData", piece: 0, totalSize: 3, block } });
  pair.tell("a", { type: "pieceCount", pieceCount: 20 });
  pair.tell("a", { type: "send", message: { type: "haveNone" } });
  pair.tell("a", { type: "send", message: { type: "request", piece: 19, begin: 0, length: 3 } });
  pair.tell("b", { type: "send", message: { type: "piece", piece: 19, begin: 0, block } });
  pair.tell("a", { type: "close" });
  assertEquals(typesOf(pair.heard.a), [
    "open",
    "extensionHandshake",
    "metadataData",
    "haveAll",
    "unchoke",
    "piece",
    "close",
  ]);
  assertEquals(typesOf(pair.heard.b), [
    "infoHash",
    "open",
    "extensionHandshake",
    "metadataRequest",
    "haveNone",
    "request",
  ]);
  const hello = pair.heard.a[1];
  assertEquals(hello?.type === "extension" && hello.message, {
    type: "extensionHandshake",
    ids: new Map([["ut_metadata", 2], ["ut_pex", 1]]),
    metadataSize: 3,
    yourIp: "192.0.2.1",
  });
});

Deno.test("Connection answers nothing once it is closed, whatever happens", () => {
  const inputs: ConnectionInput[] = [
    { type: "bytes", bytes: encodeMessage({ type: "choke" }) },
    { type: "accept", infoHash: INFO_HASH },
    { type: "send", message: { type: "haveAll" } },
    { type: "sendAll", messages: [{ type: "haveAll" }] },
    { type: "sendExtension", message: { type: "dontHave", piece: 1 } },
    { type: "written" },
    { type: "pieceCount", pieceCount: -1 },
    { type: "tick" },
    { type: "close" },
  ];
  const connection = opened();
  assertEquals(connection.handle({ type: "close" }, 0), [{ type: "close", reason: "closed by us" }]);
  for (const input of inputs) assertEquals(connection.handle(input, 1e9), [], input.type);
  assertEquals(connection.phase, "closed");
});

Deno.test("Connection hears nothing behind the message that closed it", () => {
  const connection = opened(),
    [choke, late] = [{ type: "choke" }, { type: "suggest", piece: 1 }] as const;
  const effects = hear(connection, encodeMessage(choke), encodeMessage(late), encodeMessage(choke));
  assertEquals(said(effects), [
    { type: "message", message: choke },
    { type: "close", reason: "suggest without the fast extension" },
  ]);
});

Deno.test("Connection gives the same effects for the same inputs", () => {
  const run = () => {
    const pair = new Pair({ extensions: ["ut_pex"] }, { infoHash: INFO_HASH, pieceCount: 3 });
    pair.tell("b", { type: "send", message: { type: "haveNone" } });
    pair.tell("b", { type: "tick" }, 110_000);
    return pair.heard;
  };
  assertEquals(run(), run());
});
