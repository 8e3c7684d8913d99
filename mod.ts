/**
 * BitTorrent for TypeScript on web-standard APIs.
 *
 * This door is for people who want it done: make a torrent, read one, parse a magnet link, download, seed. Everything
 * underneath has a door of its own: `./bencode`, `./metainfo`, `./peer`, `./wire`, `./tracker`, `./torrent` for
 * protocol codecs and machines without I/O, `./testing` for a virtual network, `./deno` for the runtime's adapter.
 *
 * @example Make a torrent, seed it, and download it
 * ```ts
 * import { createClient, createTorrent, readMetainfo } from "@network/bittorrent";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.mkdir(`${folder}/seed`);
 * await Deno.writeTextFile(`${folder}/seed/hello.txt`, "hello, swarm");
 *
 * const file = new Blob([await Deno.readFile(`${folder}/seed/hello.txt`)]);
 * const torrent = await createTorrent([{ path: ["hello.txt"], content: file }]);
 *
 * const local = { host: "127.0.0.1", port: 0 };
 * const seeder = await createClient({ ...local, directory: `${folder}/seed` });
 * const leecher = await createClient({ ...local, directory: folder });
 * await (await seeder.add(torrent)).completed();
 * await (await leecher.add(torrent, { peers: [seeder.address!] })).completed();
 *
 * assertEquals(await Deno.readTextFile(`${folder}/hello.txt`), "hello, swarm");
 * assertEquals((await readMetainfo(torrent)).info.name, "hello.txt");
 *
 * await leecher.close();
 * await seeder.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @example Speak an extension of one's own with the peers of a torrent (BEP 10)
 * ```ts
 * import { createClient, createTorrent, type PeerExtension } from "@network/bittorrent";
 * import { assertEquals } from "@std/assert";
 *
 * const greeted = Promise.withResolvers<string>();
 * const greeting: PeerExtension<string> = {
 *   name: "xy_greeting",
 *   encode: (text) => new TextEncoder().encode(text),
 *   decode: (payload) => new TextDecoder().decode(payload),
 *   onPeer: (peer) => void peer.send("hello"),
 *   onMessage: (text) => greeted.resolve(text),
 * };
 *
 * const folder = await Deno.makeTempDir();
 * const torrent = await createTorrent([{ path: ["a"], content: new Blob(["content"]) }]);
 * const local = { host: "127.0.0.1", port: 0, dht: false, directory: folder, resume: false } as const;
 * const a = await createClient({ ...local, extensions: [greeting] });
 * const b = await createClient(local);
 * await a.add(torrent);
 * using _speaking = (await b.add(torrent, { peers: [a.address!] })).extend(greeting); // in this torrent only
 *
 * assertEquals(await greeted.promise, "hello");
 *
 * await b.close();
 * await a.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @module
 */

export { createSigner, type Ed25519Signer } from "./src/bytes/ed25519.ts";
export { createExpandedSigner } from "./src/bytes/ed25519_expanded.ts";
export { Client, createClient, type RateLimits } from "./src/client/client.ts";
export { DHT_ROUTERS, type DhtOptions } from "./src/client/dht_service.ts";
export { survey, type SurveyOptions, type SurveySample } from "./src/client/dht_survey.ts";
export {
  findValue,
  type FoundValue,
  keepItem,
  type KeepOptions,
  type KeyOptions,
  type StoredValue,
  storeItem,
  storeValue,
} from "./src/client/dht_values.ts";
export type {
  ClientEvent,
  PeerStatus,
  TorrentEvent,
  TorrentState,
  TorrentStatus,
} from "./src/client/events.ts";
export type { FileStatus } from "./src/client/file_progress.ts";
export type { ExtensionPeer, PeerExtension } from "./src/client/peer_extension.ts";
export type { StreamOptions } from "./src/client/file_stream.ts";
export type { AddOptions, ClientOptions, TorrentSource } from "./src/client/options.ts";
export type { OpenStoreOptions, StoreFactory } from "./src/client/stores.ts";
export {
  type CurrentTorrent,
  findTorrent,
  type FollowOptions,
  type PublishedTorrent,
  type PublishOptions,
} from "./src/client/torrent_feeds.ts";
export { TorrentHandle, type WaitOptions } from "./src/client/torrent_handle.ts";
export { DecodeError, StateError, StorageError, TransportError } from "./src/errors.ts";
export {
  type DhtNews,
  type DhtOperation,
  DhtRunner,
  type DhtRunnerOptions,
  type OmitId,
  type OperationOptions,
} from "./src/io/dht_runner.ts";
export { type DatagramConsumer, DatagramHub } from "./src/io/datagram_hub.ts";
export { MemoryStateStore, type StateStore } from "./src/io/state_store.ts";
export type { TorrentFile, TorrentInfo, TorrentVersion } from "./src/metainfo/info.ts";
export { type CreateOptions, createTorrent } from "./src/metainfo/create.ts";
export { formatMagnet, type MagnetLink, parseMagnet } from "./src/metainfo/magnet.ts";
export { type Metainfo, readMetainfo } from "./src/metainfo/metainfo.ts";
export { VERSION } from "./src/version.ts";
