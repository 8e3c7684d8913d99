/**
 * Torrents that change, in a client: a link names the publisher's key, and the DHT says which torrent it is at present
 * (BEP 46).
 */

import { equals } from "@std/bytes/equals";
import { createMutableItem, type ItemName, type MutableItem, type Signer } from "../dht/item.ts";
import { KRPC_ERRORS } from "../dht/messages/krpc.ts";
import { infoHashOf, TorrentFeed, torrentValue } from "../dht/torrent_feed.ts";
import { DecodeError, StateError, TransportError } from "../errors.ts";
import type { DhtRunner, OperationOptions } from "../io/dht_runner.ts";
import { withSignal } from "../io/with_signal.ts";
import { type MagnetLink, parseMagnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ClientContext } from "./client_context.ts";
import type { DhtService } from "./dht_service.ts";
import { findValue, type FoundValue, type StoredValue, storeItem } from "./dht_values.ts";
import { type FeedWorld, runFeed } from "./feed_runner.ts";
import { TorrentNames } from "./torrent_names.ts";

/** What a torrent that changes is at a time. */
export interface CurrentTorrent {
  /** The torrent, 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The link with this info hash in it, for {@linkcode Client.add}. */
  readonly magnet: MagnetLink;
  /** Version of the item that says so. */
  readonly seq: bigint;
}

/** How to follow a torrent. */
export interface FollowOptions {
  /** Ends the following with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds between two looks: 15 minutes by default, at least one, for nodes of strangers are asked. */
  readonly pollMs?: number;
}

/** How to publish a torrent. */
export interface PublishOptions {
  /** The publisher's key: `createSigner`, `createExpandedSigner` or one of your own. */
  readonly signer: Signer;
  /** Tells several torrents of one publisher apart; at most 64 bytes. */
  readonly salt?: Uint8Array;
  /** Version; by default one more than the newest that the DHT has, or that one if it names this torrent. */
  readonly seq?: bigint;
  /** Replace this version and no other (BEP 44 "CAS"). */
  readonly cas?: bigint;
  /** Gives up the publishing, or ends it. */
  readonly signal?: AbortSignal;
}

/** A torrent that is published, and stored again every hour until `close()` or the end of the client. */
export interface PublishedTorrent extends StoredValue, Disposable {
  /** What is stored. */
  readonly item: MutableItem;
  /** The link for followers. */
  readonly magnet: MagnetLink;
  /** Stops to store it again: nodes forget it after two hours, unless followers keep it alive. */
  close(): void;
}

/**
 * What a link with a key in place of an info hash stands for at present.
 *
 * @throws {TypeError} If the link has no public key. @throws {TransportError} If nobody in the DHT has anything under it.
 * @throws {DecodeError} If what is there names no torrent. @throws {StateError} If the node is closed.
 * @throws The signal's reason.
 */
export async function findTorrent(
  dht: DhtRunner,
  link: MagnetLink,
  options: OperationOptions = {},
): Promise<CurrentTorrent> {
  const { item } = await findValue(dht, nameOf(link), options);
  if (item?.type !== "mutable") {
    throw new TransportError("Cannot find the torrent of the magnet link: nobody in the DHT has it");
  }
  const infoHash = infoHashOf(item);
  if (infoHash !== undefined) return { infoHash, seq: item.seq, magnet: { ...link, infoHashV1: infoHash } };
  throw new DecodeError("Cannot find the torrent of the magnet link: what the DHT has names none");
}

/** The same with the client's own node, as soon as that knows others. @throws {TransportError} If no DHT node answers. */
export async function currentTorrent(
  context: ClientContext,
  link: MagnetLink,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<CurrentTorrent> {
  const service = serviceOf(context), signal = anyOf(service.closed, options.signal);
  const dht = await enter(service, link, signal);
  await dht.ready({ signal });
  return await findTorrent(dht, link, { signal });
}

/** Gives the torrent now, as soon as it is known, and each time that it is another one; see {@linkcode Client.followTorrent}. */
export function followTorrent(
  context: ClientContext,
  link: string | MagnetLink,
  { signal, ...options }: FollowOptions = {},
): AsyncGenerator<CurrentTorrent> {
  const stop = new AbortController();
  const following = untilStopped(
    follow(context, link, { ...options, signal: anyOf(signal, stop.signal) }),
    stop.signal,
  );
  // One of a generator waits until a `next` under way is settled, which may be a quarter of an hour.
  const end = following.return.bind(following);
  following.return = (value) => {
    stop.abort();
    return end(value);
  };
  return following;
}

async function* untilStopped<T>(generator: AsyncGenerator<T>, stop: AbortSignal): AsyncGenerator<T> {
  try {
    yield* generator;
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

async function* follow(
  context: ClientContext,
  link: string | MagnetLink,
  { signal, pollMs }: FollowOptions,
): AsyncGenerator<CurrentTorrent> {
  const service = serviceOf(context), magnet = typeof link === "string" ? parseMagnet(link) : link;
  const { publicKey, salt } = nameOf(magnet), either = anyOf(service.closed, signal);
  const dht = await enter(service, magnet, either);
  const options = { publicKey, ...(salt && { salt }), ...(pollMs !== undefined && { pollMs }) };
  const feed = new TorrentFeed(options, context.clock.now());
  for await (const { infoHash, seq } of runFeed(feed, { dht, clock: context.clock, signal: either })) {
    yield { infoHash, seq, magnet: { ...magnet, infoHashV1: infoHash } };
  }
}

/** Makes a torrent the current one of a key, and keeps it alive; see {@linkcode Client.publishTorrent}. */
export async function publishTorrent(
  context: ClientContext,
  torrent: Metainfo | MagnetLink,
  options: PublishOptions,
): Promise<PublishedTorrent> {
  const { signer: { publicKey }, salt, cas } = options, { clock } = context, infoHash = publicHash(torrent);
  const service = serviceOf(context), stop = new AbortController();
  const signal = anyOf(service.closed, stop.signal, options.signal);
  signal.throwIfAborted();
  const dht = await withSignal(service.node(), signal);
  await dht.ready({ signal });
  const item = await itemFor(infoHash, options, (name) => findValue(dht, name, { signal }));
  const stored = await storeItem(dht, item, { signal, ...(cas !== undefined && { cas }) });
  refuseFailure(stored);
  const now = clock.now(), name = { publicKey, ...(salt?.length && { salt }) };
  const feed = new TorrentFeed({ ...name, pollMs: Infinity, latest: item, storedAt: now }, now);
  void keepAlive(feed, { dht, clock, signal });
  const close = () => stop.abort(new StateError("The torrent is published no more"));
  return { ...stored, item, magnet: { ...NO_DETAILS, ...name }, close, [Symbol.dispose]: close };
}

const NO_DETAILS = { trackers: [], webSeeds: [], peers: [], nodes: [], sources: [] } as const;

function serviceOf({ dht }: ClientContext): DhtService {
  if (dht !== undefined) return dht;
  throw new StateError("Cannot use the key of a torrent: the client was made without a DHT");
}

/** The node, told of those that the link names. */
async function enter(service: DhtService, { nodes }: MagnetLink, signal: AbortSignal): Promise<DhtRunner> {
  signal.throwIfAborted();
  if (nodes.length > 0) await withSignal(service.addNodes(nodes), signal);
  return await withSignal(service.node(), signal);
}

function nameOf({ publicKey, salt }: MagnetLink) {
  if (publicKey === undefined) throw new TypeError("Cannot follow magnet link: it has no public key");
  return { type: "mutable", publicKey, salt } as const;
}

/** What the item is to say. BEP 27: nothing of a private torrent is for the DHT. */
function publicHash(torrent: Metainfo | MagnetLink): Uint8Array {
  if (!("info" in torrent) || !torrent.info.private) return new TorrentNames(torrent).primary;
  throw new TypeError("Cannot publish torrent in the DHT: it is private");
}

/** The newest version if it names the torrent, or the next one. */
async function itemFor(
  infoHash: Uint8Array,
  { signer, salt, seq }: PublishOptions,
  find: (name: ItemName) => Promise<FoundValue>,
): Promise<MutableItem> {
  let next = seq;
  if (next === undefined) {
    const { item } = await find({ type: "mutable", publicKey: signer.publicKey, salt });
    const newest = item?.type === "mutable" ? item : undefined, named = newest && infoHashOf(newest);
    if (newest && named && equals(named, infoHash)) return newest;
    next = newest === undefined ? 0n : newest.seq + 1n;
  }
  return await createMutableItem(signer, torrentValue(infoHash), { seq: next, ...(salt && { salt }) });
}

function refuseFailure({ nodes, refusals, newer }: StoredValue): void {
  if (newer !== undefined) {
    throw new StateError(`Cannot publish torrent: version ${newer.seq} is in the DHT already`);
  }
  if (nodes > 0) return;
  if (refusals.includes(KRPC_ERRORS.casMismatch)) {
    throw new StateError("Cannot publish torrent: the version to be replaced is not the one in the DHT");
  }
  throw new TransportError("Cannot publish torrent: no DHT node took it");
}

/** Until the signal fires: that and the end of the node are the only ways out. */
async function keepAlive(feed: TorrentFeed, world: FeedWorld): Promise<void> {
  try {
    for await (const _ of runFeed(feed, world));
  } catch {
    // It is over.
  }
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}
