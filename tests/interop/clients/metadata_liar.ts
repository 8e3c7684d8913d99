/**
 * A peer that gives wrong metadata to whoever asks for it (BEP 9), on the library's own wire codec. It has the torrent
 * file, so the length is right if it wants to.
 *
 *   deno run -A metadata_liar.ts '{"listen": "10.55.0.2:6881", "torrent": "….torrent", "lie": "bytes"}'
 *
 * It prints JSON lines: {"event": "open"}, {"event": "request", piece}, {"event": "closed", reason}.
 */

import { readMetainfo } from "../../../src/metainfo/metainfo.ts";
import { Connection } from "../../../src/wire/connection.ts";
import { METADATA_BLOCK_LENGTH } from "../../../src/wire/messages/metadata.ts";
import type { ConnectionEffect, ConnectionInput } from "../../../src/wire/vocabulary.ts";

/** What is wrong with the metadata. */
export type Lie =
  /** Some bytes in every block. */
  | "bytes"
  /** Its length, and so its hash. */
  | "length";

/** The whole configuration of a liar. */
export interface LiarOptions {
  /** `host:port` to wait at. */
  readonly listen: string;
  /** Path of the torrent file. */
  readonly torrent: string;
  readonly lie: Lie;
}

/** What a liar says of itself, and what it gives. */
interface Story {
  readonly infoHash: Uint8Array;
  readonly metadata: Uint8Array;
}

function say(event: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ event, ...fields }));
}

async function invent({ torrent, lie }: LiarOptions): Promise<Story> {
  const { infoHash, rawInfo } = await readMetainfo(await Deno.readFile(torrent));
  const metadata = new Uint8Array(rawInfo.length + (lie === "length" ? METADATA_BLOCK_LENGTH : 0));
  metadata.set(rawInfo);
  for (let at = 0; lie === "bytes" && at < metadata.length; at += METADATA_BLOCK_LENGTH) metadata[at]! ^= 1;
  return { infoHash, metadata };
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** One connection, served until it ends. */
async function serve(connection: Deno.Conn, story: Story): Promise<string> {
  const peerId = new TextEncoder().encode("-XX0001-aliaraliarli"), buffer = new Uint8Array(1 << 16);
  const machine = new Connection({ direction: "incoming", peerId }, performance.now());
  const inputs: ConnectionInput[] = [];
  for (;;) {
    const read = await connection.read(buffer);
    if (read === null) return "they hung up";
    inputs.push({ type: "bytes", bytes: buffer.subarray(0, read) });
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift()) {
      for (const effect of machine.handle(input, performance.now())) {
        if (effect.type === "write") await writeAll(connection, effect.bytes);
        else if (effect.type === "close") return effect.reason;
        else inputs.push(...react(effect, story));
      }
    }
  }
}

function react(effect: ConnectionEffect, { infoHash, metadata }: Story): readonly ConnectionInput[] {
  if (effect.type === "open") say("open");
  if (effect.type === "infoHash") {
    const extensionHandshake = { metadataSize: metadata.length };
    return [{ type: "accept", infoHash, extensions: ["ut_metadata"], extensionHandshake }];
  }
  if (effect.type !== "extension" || effect.message.type !== "metadataRequest") return [];
  const { piece } = effect.message, start = piece * METADATA_BLOCK_LENGTH;
  say("request", { piece });
  const block = metadata.subarray(start, start + METADATA_BLOCK_LENGTH);
  const message = { type: "metadataData", piece, totalSize: metadata.length, block } as const;
  return [{ type: "sendExtension", message }];
}

/** Runs a liar for as long as nobody stops it. */
async function listen(options: LiarOptions): Promise<void> {
  const story = await invent(options), [hostname = "", port] = options.listen.split(":");
  for await (const connection of Deno.listen({ hostname, port: Number(port) })) {
    serve(connection, story)
      .catch((error: Error) => error.message)
      .then((reason) => {
        say("closed", { reason });
        connection.close();
      });
  }
}

if (import.meta.main) await listen(JSON.parse(Deno.args[0] ?? "{}"));
