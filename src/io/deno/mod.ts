/**
 * Deno's hands: the network, files and time of a Deno process behind the library's own small interfaces.
 *
 * A client uses them by itself. They are here for those who bring their own session: {@linkcode denoNetwork} dials,
 * listens, binds UDP, fetches and looks names up; {@linkcode openPieceFiles} keeps a torrent's content in files, where
 * large contents are verified and written by workers; {@linkcode StateFiles} keeps small notes. A client whose traffic
 * shall come from one address, or go through a proxy, is given what {@linkcode openDenoNetwork} makes. UDP is three to
 * four times faster with `--unstable-net`, and works without.
 *
 * @example Store a piece and read a block of it
 * ```ts
 * import { openPieceFiles } from "@network/bittorrent/deno";
 * import { createTorrent, readMetainfo } from "@network/bittorrent/metainfo";
 * import { assertEquals } from "@std/assert";
 *
 * const content = new TextEncoder().encode("To be, or not to be");
 * const torrent = await createTorrent([{ path: ["hamlet.txt"], content }]);
 * const metainfo = await readMetainfo(torrent);
 *
 * const directory = await Deno.makeTempDir();
 * const store = await openPieceFiles(metainfo, { directory });
 * assertEquals(await store.store(0, content), "stored");
 * assertEquals(await store.finish(0), "finished");
 *
 * const block = new Uint8Array(5);
 * await store.read(0, 0, block);
 * assertEquals(new TextDecoder().decode(block), "To be");
 * assertEquals(await Deno.readTextFile(`${directory}/hamlet.txt`), "To be, or not to be");
 *
 * await store.close();
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */

export type { PeerAddress } from "../../peer/address.ts";
export { cryptoRandom } from "../chance.ts";
export { systemClock } from "../clock.ts";
export type { Bitfield } from "../../bytes/bitfield.ts";
export type { PieceHashSource } from "../../metainfo/verify.ts";
export type { StateStore } from "../state_store.ts";
export type { CheckOptions, FileStamp, FinishResult, PieceBuffers, PieceStore } from "../storage.ts";
export type {
  BindOptions,
  ByteConnection,
  Clock,
  Datagram,
  DatagramSocket,
  DialOptions,
  FetchOptions,
  Listener,
  Network,
} from "../transport.ts";
export type { FileStorageOptions } from "./file_storage.ts";
export { denoNetwork } from "./network.ts";
export {
  type DenoNetworkOptions,
  type DenoProxy,
  type DisposableNetwork,
  openDenoNetwork,
} from "./open_network.ts";
export { openPieceFiles, type PieceFilesOptions } from "./piece_files.ts";
export { StateFiles } from "./state_files.ts";
