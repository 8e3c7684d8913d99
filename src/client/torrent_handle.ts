/** What a user holds of a torrent in a client. */

import type { Bitfield } from "../bytes/bitfield.ts";
import { StateError } from "../errors.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { PeerStatus, TorrentEvent, TorrentStatus } from "./events.ts";
import type { FileStatus } from "./file_progress.ts";
import type { PeerExtension } from "./peer_extension.ts";
import { streamFile, type StreamOptions } from "./file_stream.ts";
import type { TorrentSession } from "./torrent_session.ts";

/** What a wait can be told. */
export interface WaitOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Readers of all torrents in this process, counted so that their wishes are told apart. */
let lastReader = 0;

/** A torrent in a client: look at it, steer it, read from it. Made by `Client.add`. */
export class TorrentHandle {
  readonly #session: TorrentSession;
  /** Folder that holds the torrent's top name. */
  readonly directory: string;

  /** Made by the client. */
  constructor(session: TorrentSession, directory: string) {
    this.#session = session;
    this.directory = directory;
  }

  /** What the torrent file says. @throws {StateError} If it is a magnet link whose metadata is not here yet. */
  get metainfo(): Metainfo {
    const { metainfo } = this.#session;
    if (metainfo) return metainfo;
    throw new StateError(
      "Cannot tell what the torrent says: its metadata is not here yet, wait for metadata()",
    );
  }

  /** Info hash in hexadecimal: the v1 hash, or the v2 hash cut to 40 digits. */
  get infoHash(): string {
    return this.#session.life.infoHash;
  }

  /** The torrent's name; until it is known what the magnet link calls it, or the info hash. */
  get name(): string {
    return this.#session.name;
  }

  /** The torrent in numbers, now. */
  status(): TorrentStatus {
    return this.#session.status();
  }

  /** Every file but padding; none before the first check is over. */
  files(): readonly FileStatus[] {
    return this.#session.files();
  }

  /** Everybody who is connected, now. */
  peers(): readonly PeerStatus[] {
    return this.#session.peers();
  }

  /** The verified pieces, as a copy; `undefined` before the first check is over. */
  pieces(): Bitfield | undefined {
    return this.#session.pieces();
  }

  /** What happens from now on; ends when the torrent is removed or the client closed. */
  events(): AsyncIterableIterator<TorrentEvent> {
    return this.#session.life.events.read();
  }

  /** Waits until it is known what the torrent says. @throws Why it failed, or the signal's reason. */
  async metadata(options: WaitOptions = {}): Promise<Metainfo> {
    await this.#session.life.goals.wait("metadata", options.signal);
    return this.metainfo;
  }

  /** Waits until the content on disk was checked for the first time. @throws Why it failed, or the signal's reason. */
  checked(options: WaitOptions = {}): Promise<void> {
    return this.#session.life.goals.wait("checked", options.signal);
  }

  /** Waits until every wanted file is complete. @throws Why the torrent failed or closed, or the signal's reason. */
  completed(options: WaitOptions = {}): Promise<void> {
    return this.#session.life.goals.wait("completed", options.signal);
  }

  /** Stops asking, serving and announcing until `resume`. */
  pause(): void {
    this.#session.pause();
  }

  /** Goes on after `pause`, or tries again after a failure. */
  resume(): void {
    this.#session.resume();
  }

  /** Hashes everything on the disk. @throws {StateError} If the first check is not over or the torrent is closed. */
  recheck(): Promise<void> {
    return this.#session.recheck();
  }

  /** Announces now, as far as the trackers' `min interval` allows (BEP 3 "trackers"). */
  announce(): void {
    this.#session.swarm.reannounce();
  }

  /** Dials these peers too. */
  addPeers(addresses: readonly PeerAddress[]): void {
    this.#session.swarm.addPeers("user", addresses);
  }

  /**
   * Speaks an extension of one's own in this torrent, also with peers that are connected already (BEP 10 "handshake message").
   * Dispose of the answer to cease: peers hear that too.
   *
   * @throws {TypeError} If the name is invalid, or taken by another extension.
   */
  extend<T>(extension: PeerExtension<T>): Disposable {
    return { [Symbol.dispose]: this.#session.swarm.desk.talk.extend(extension) };
  }

  /** Wants these files, by index in `info.files`, and no others. @throws {RangeError} If there is no such file. */
  select(files: readonly number[]): void {
    this.#session.content.work.select(files);
  }

  /** Sets the priority of a file: 0 not wanted, 1 to 7 rising, 4 normal. @throws {RangeError} If either is out of range. */
  prioritize(file: number, priority: number): void {
    this.#session.content.work.prioritize(new Map([[file, priority]]));
  }

  /** Downloads in order (true) or rarest first. */
  setSequential(sequential: boolean): void {
    this.#session.content.work.setSequential(sequential);
  }

  /**
   * Reads a file while it is downloaded: bytes `start` to `end`, in order, each as soon as it is verified; what is
   * missing is downloaded before all else.
   *
   * @throws {RangeError} If there is no such file, it is padding, or the range does not lie in it.
   * @throws {StateError} If the first check is not over or the torrent is closed.
   */
  stream(file: number, options: StreamOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const wanted = this.metainfo.info.files[file];
    if (wanted === undefined || wanted.pad) {
      throw new RangeError(`Cannot stream file ${file}: there is no such file`);
    }
    return streamFile(this.#session.content.work.streamSource(++lastReader), wanted, options);
  }
}
