/** The client: torrents that share one identity, one listening port, one set of limits. */

import { StateError } from "../errors.ts";
import type { DhtRunner } from "../io/dht_runner.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PeerAddress } from "../peer/address.ts";
import { Acceptor } from "./acceptor.ts";
import type { ClientParts, Witness } from "./client_context.ts";
import type { ClientEvent } from "./events.ts";
import { selection } from "./file_progress.ts";
import type { AddOptions, ClientOptions, TorrentSource } from "./options.ts";
import { assemble } from "./assembly.ts";
import {
  type CurrentTorrent,
  currentTorrent,
  type FollowOptions,
  followTorrent,
  type PublishedTorrent,
  type PublishOptions,
  publishTorrent,
} from "./torrent_feeds.ts";
import { OurAddresses } from "./our_addresses.ts";
import { TorrentHandle } from "./torrent_handle.ts";
import { TorrentRegister } from "./torrent_register.ts";
import { isKeyAlone, readSource, type TorrentSessionOptions } from "./torrent_origin.ts";
import { TorrentSession } from "./torrent_session.ts";

/** Rates in bytes a second; 0 is unlimited, absent leaves the limit as it is. */
export interface RateLimits {
  /** From all peers together. */
  readonly download?: number;
  /** To all peers together. */
  readonly upload?: number;
}

/**
 * Makes a client and starts to listen for peers.
 *
 * @throws {TransportError} If it cannot listen on the address or port asked for.
 * @throws {TypeError} If the name of an extension is invalid, or taken by another.
 * @throws {RangeError} If a rate limit is negative or not a number.
 */
export async function createClient(options: ClientOptions = {}): Promise<Client> {
  options.signal?.throwIfAborted();
  const client = new Client(await assemble(options));
  try {
    options.signal?.throwIfAborted();
    if (options.port !== false) await client.listen();
    options.signal?.throwIfAborted();
    return client;
  } catch (error) {
    await client.close();
    options.signal?.throwIfAborted();
    throw error;
  }
}

/** Torrents at work. Close it, or bind it with `await using`: nothing is left behind. */
export class Client implements AsyncDisposable {
  readonly #parts: ClientParts;
  readonly #torrents: TorrentRegister;
  /** Torrents whose content is being opened: `close` waits for them. */
  readonly #adding = new Set<Promise<unknown>>();
  /** Rejects if it cannot listen; then it may try again, and so it may when the system took the listener away. */
  #listening: Promise<void> | undefined;
  #acceptor: Acceptor | undefined;
  /** Settles when nobody is let in any more, and the port is free. */
  #accepting: Promise<void> | undefined;
  #forgetSignal: () => void = () => {};
  #closing: Promise<void> | undefined;
  readonly #ours = new OurAddresses();

  /** Use {@linkcode createClient}. */
  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#torrents = new TorrentRegister(parts.context.skeys);
    parts.context.onOurHost = (host, witness) => this.#heardOurHost(host, witness);
    parts.context.onBanned = (host) => {
      for (const { session } of this.#torrents.all) session.swarm.desk.expel(host);
    };
    const { signal } = parts.options, abort = () => void this.close().catch(() => {});
    signal?.addEventListener("abort", abort);
    this.#forgetSignal = () => signal?.removeEventListener("abort", abort);
  }

  /** Where it listens for peers; `undefined` if nowhere. */
  get address(): PeerAddress | undefined {
    return this.#parts.context.listenAddress;
  }

  /**
   * The DHT node, started if need be: for lookups, items and samples of one's own.
   *
   * @throws {StateError} If the client was made without a DHT. @throws {TransportError} If there is no UDP to be had.
   */
  async dht(): Promise<DhtRunner> {
    const { dht } = this.#parts.context;
    if (dht === undefined) throw new StateError("Cannot use the DHT: the client was made without one");
    return await dht.node();
  }

  /** Where the DHT node is bound, started if need be. @throws As {@linkcode Client.dht} does. */
  async dhtAddress(): Promise<PeerAddress> {
    await this.dht();
    return await this.#parts.context.hub.address();
  }

  /** Every torrent, in the order of adding. */
  get torrents(): readonly TorrentHandle[] {
    return this.#torrents.all.map(({ handle }) => handle);
  }

  /**
   * Starts to listen as the options say. Called by {@linkcode createClient}; after `listenFailed` it may be called again.
   *
   * @throws {StateError} If it listens already, or is closed. @throws {TransportError} If it cannot.
   */
  listen(): Promise<void> {
    if (this.#listening || this.#closing) {
      return Promise.reject(new StateError("Cannot listen: the client does so, or is closed"));
    }
    this.#listening = this.#listen();
    this.#listening.catch(() => this.#listening = undefined);
    return this.#listening;
  }

  /**
   * Adds a torrent: its content is checked, then it is downloaded and seeded; of a magnet link the metadata is fetched
   * first. Settles as soon as the torrent is known by its hash; wait for `handle.metadata()`, `handle.checked()` or
   * `handle.completed()` for more. If a link has a public key in place of an info hash (`xs=urn:btpk:`, BEP 46), the
   * DHT is asked for it first, once: {@linkcode followTorrent} tells of later versions.
   *
   * @throws {DecodeError} If the bytes are no torrent, the text is no magnet link.
   * @throws {TransportError} If the DHT does not know what torrent the link's key stands for.
   * @throws {StateError} If the torrent is here already or the client is closed.
   * @throws {StorageError} If the folder cannot be used. @throws {RangeError} If a file that is wanted is none of the torrent's.
   */
  async add(source: TorrentSource, options: AddOptions = {}): Promise<TorrentHandle> {
    const { context } = this.#parts, given = await readSource(source);
    options.signal?.throwIfAborted();
    const torrent = isKeyAlone(given) ? (await currentTorrent(context, given, options)).magnet : given;
    this.#refuse(torrent);
    const directory = options.directory ?? this.#parts.options.directory ?? ".";
    const openStore = (metainfo: Metainfo) =>
      context.openStore(metainfo, { directory, overwrite: options.overwrite ?? false });
    if (!("info" in torrent)) {
      return this.#register({ origin: { magnet: torrent }, add: options, openStore }, directory);
    }
    const adding = this.#addKnown(torrent, { add: options, openStore }, directory);
    this.#adding.add(adding);
    return await adding.finally(() => this.#adding.delete(adding));
  }

  /**
   * Follows a torrent that changes: its link has a public key (`magnet:?xs=urn:btpk:`, BEP 46), under which the DHT has
   * the info hash. Gives the torrent as soon as the DHT knows it, and each time that its publisher names another one;
   * what is given can be added. Goes on while nobody is to be reached. While it is read it also keeps the item alive.
   *
   * @throws {DecodeError} If the text is no magnet link. @throws {TypeError} If the link has no public key.
   * @throws {StateError} If the client has no DHT, or is closed. @throws The signal's reason.
   */
  followTorrent(link: string | MagnetLink, options: FollowOptions = {}): AsyncGenerator<CurrentTorrent> {
    return followTorrent(this.#parts.context, link, options);
  }

  /**
   * Makes a torrent the one that the signer's key stands for (BEP 46). It is stored again every hour, until the answer
   * is closed or the client is. Announcing and seeding it is another matter: `add` does that.
   *
   * @throws {TypeError} If the torrent is private, or a link has no info hash.
   * @throws {StateError} If the DHT has another version than `cas`, or a newer one than `seq`, or the client has no DHT.
   * @throws {TransportError} If no DHT node takes it. @throws The signal's reason.
   */
  async publishTorrent(torrent: TorrentSource, options: PublishOptions): Promise<PublishedTorrent> {
    return await publishTorrent(this.#parts.context, await readSource(torrent), options);
  }

  /**
   * Takes a torrent out: says goodbye to trackers and peers, forgets resume data, leaves the content.
   *
   * @throws What its content throws when it is closed; the torrent is gone all the same.
   */
  async remove(torrent: TorrentHandle): Promise<void> {
    const { events } = this.#parts.context, { infoHash } = torrent;
    try {
      await this.#torrents.sessionOf(torrent)?.close({ forget: true });
    } finally { // also if its content could not be closed in order
      if (this.#torrents.delete(torrent)) events.push({ type: "removed", infoHash });
    }
  }

  /** What happens from now on, in all torrents; ends when the client closes. */
  events(): AsyncIterableIterator<ClientEvent> {
    return this.#parts.context.events.read();
  }

  /** Changes the rate limits. @throws {RangeError} If a rate is negative or not a number. */
  setLimits({ download, upload }: RateLimits): void {
    const { limiters } = this.#parts;
    for (const rate of [download, upload]) {
      if (rate !== undefined && !(rate >= 0)) {
        throw new RangeError(`Cannot limit the rate to ${rate}: it is no rate`);
      }
    }
    if (download !== undefined) limiters.download.setRate(download);
    if (upload !== undefined) limiters.upload.setRate(upload);
  }

  /**
   * Ends everything: torrents say `stopped` to their trackers (three seconds at most), resume data is written, sockets
   * and files are closed. Safe to call twice.
   *
   * @throws What the content of a torrent throws when it is closed, once everything else is closed, too.
   */
  close(): Promise<void> {
    if (this.#closing) return this.#closing.catch(() => {}); // the first to call is told
    return this.#closing = this.#close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    const { context, options } = this.#parts;
    const listener = await context.network.listen({
      port: options.port || 0,
      ...(options.host === undefined ? {} : { host: options.host }),
    });
    if (this.#closing) {
      listener.close();
      throw new StateError("Cannot listen: the client is closed");
    }
    context.listenAddress = listener.address;
    this.#acceptor = new Acceptor({
      context,
      listener,
      lead: (infoHash, socket) =>
        this.#torrents.named(infoHash).some(({ swarm }) => swarm.desk.accept(socket)),
      onFailed: (error) => {
        context.listenAddress = undefined; // trackers and peers are told no more that we can be reached
        this.#listening = undefined;
        void context.lsd?.listensOn(undefined);
        context.events.push({ type: "listenFailed", error });
      },
    });
    this.#accepting = this.#acceptor.run();
    void context.lsd?.listensOn(listener.address.port);
    context.events.push({ type: "listening", address: listener.address });
  }

  async #close(): Promise<void> {
    const { context, limiters } = this.#parts;
    this.#forgetSignal();
    this.#acceptor?.close();
    limiters.download.close();
    limiters.upload.close();
    const closed = await Promise.allSettled(
      this.#torrents.all.map(({ session }) => session.close({ forget: false })),
    );
    await Promise.allSettled([...this.#adding, this.#listening]);
    this.#torrents.clear();
    await this.#accepting;
    await context.trackers.close();
    await context.dht?.close();
    await context.lsd?.close();
    await context.hub.close();
    context.events.end();
    for (const result of closed) if (result.status === "rejected") throw result.reason;
  }

  /** A torrent whose content is opened first. */
  async #addKnown(
    metainfo: Metainfo,
    { add, openStore }: Pick<TorrentSessionOptions, "add" | "openStore">,
    directory: string,
  ): Promise<TorrentHandle> {
    if (add.files) selection(metainfo.info, add.files); // said now, and not when its content is checked
    const store = await openStore(metainfo);
    try {
      add.signal?.throwIfAborted();
      this.#refuse(metainfo);
    } catch (error) {
      await store.close();
      throw error;
    }
    return this.#register({ origin: { metainfo, store }, add, openStore }, directory);
  }

  #heardOurHost(host: string, witness: Witness): void {
    const { events, listenAddress } = this.#parts.context;
    if (!this.#ours.hear(host, witness)) return;
    events.push({ type: "externalAddress", host });
    if (listenAddress === undefined) return;
    const address = { host, port: listenAddress.port };
    for (const { session } of this.#torrents.all) session.swarm.setOurAddress(address);
  }

  #refuse(torrent: Metainfo | MagnetLink, self?: TorrentSession): void {
    if (this.#closing) throw new StateError("Cannot add a torrent: the client is closed");
    this.#torrents.requireNew(torrent, self);
  }

  #register(options: Omit<TorrentSessionOptions, "context" | "refuse">, directory: string): TorrentHandle {
    const { context } = this.#parts;
    const refuse = (metainfo: Metainfo) => this.#refuse(metainfo, session);
    const session: TorrentSession = new TorrentSession({ ...options, context, refuse });
    const { infoHash } = session.life, handle = new TorrentHandle(session, directory);
    this.#torrents.add({ session, handle });
    context.events.push({ type: "added", infoHash });
    session.start();
    const port = context.listenAddress?.port;
    if (port !== undefined) {
      for (const host of this.#ours.hosts()) session.swarm.setOurAddress({ host, port });
    }
    return handle;
  }
}
