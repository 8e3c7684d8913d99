/** The life of a DHT node in a command: joins, works, leaves cleanly whatever happens. */

import { type Client, createClient } from "../client/client.ts";
import type { ClientOptions } from "../client/options.ts";
import type { DhtNews, DhtOperation, DhtRunner } from "../io/dht_runner.ts";
import { findTorrent } from "../client/torrent_feeds.ts";
import { withSignal } from "../io/with_signal.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { OptionValues } from "./arguments.ts";
import { chooseCacheFolder } from "./cache_folder.ts";
import { type DHT_OPTIONS, type DhtEntry, enterDht } from "./dht_options.ts";
import { Display } from "./display.ts";
import { Failure } from "./failure.ts";
import { formatCount } from "./format.ts";
import { resolvePeers } from "./peers.ts";
import { Interrupted, type Terminal } from "./terminal.ts";

/** What a command works with. */
export interface DhtWork {
  readonly client: Client;
  readonly dht: DhtRunner;
  /** Aborted by Ctrl-C and when the time is over. */
  readonly signal: AbortSignal;
}

/** Seconds, `Infinity` for no limit; a lookup takes three or four, a slow start ten more. */
const USUAL_TIMEOUT = 30;

/**
 * What the options mean to a client that does nothing but the DHT.
 *
 * @throws {UsageError} If a node or router is no host and port. @throws {TransportError} If its name is unknown.
 */
export async function readDhtClient(
  options: OptionValues<typeof DHT_OPTIONS>,
  keeping: Pick<DhtEntry, "folder" | "keepsId"> & { readonly readOnly: boolean },
): Promise<ClientOptions> {
  const { host, port } = options;
  const nodes = await resolvePeers(options.node), routers = await resolvePeers(options.router);
  const { readOnly } = keeping, entry = enterDht({ nodes, routers, ...keeping });
  return {
    port: false,
    resume: false,
    ...(host !== undefined && { host }),
    dht: { ...entry, ...(port !== undefined && { port }), readOnly },
  };
}

/**
 * Joins the DHT and works with it, without answering others: whoever took us for a node would look for us in vain a
 * moment later (BEP 43 "read-only state").
 *
 * @throws {TransportError} If no node answers. @throws {Failure} If the time is over. @throws {Interrupted} On Ctrl-C.
 */
export async function withDht<T>(
  options: OptionValues<typeof DHT_OPTIONS>,
  terminal: Terminal,
  work: (parts: DhtWork) => Promise<T>,
): Promise<T> {
  const clientOptions = await readDhtClient(options, { folder: chooseCacheFolder(options), readOnly: true });
  return await withNode(clientOptions, options.timeout, terminal, async (parts) => {
    await join(parts, terminal);
    return await work(parts);
  });
}

/** Works with single nodes: nobody else is asked, unless the options name somebody. @throws As {@linkcode withDht} does. */
export async function withoutJoining<T>(
  options: OptionValues<typeof DHT_OPTIONS>,
  terminal: Terminal,
  work: (parts: DhtWork) => Promise<T>,
): Promise<T> {
  const { dht, ...rest } = await readDhtClient(options, { readOnly: true });
  const alone = { ...rest, dht: { routers: [], ...(dht as object) } };
  return await withNode(alone, options.timeout, terminal, work);
}

async function withNode<T>(
  options: ClientOptions,
  timeout: number = USUAL_TIMEOUT,
  terminal: Terminal,
  work: (parts: DhtWork) => Promise<T>,
): Promise<T> {
  const interruption = terminal.interruption(), expiry = new AbortController();
  const giveUp = () => expiry.abort(new Failure(`Not done in ${timeout} seconds`));
  const timer = timeout === Infinity ? undefined : setTimeout(giveUp, timeout * 1000);
  const signal = AbortSignal.any([interruption.signal, expiry.signal]);
  try {
    await using client: Client = await createClient(options);
    return await work({ client, dht: await withSignal(client.dht(), signal), signal });
  } finally {
    clearTimeout(timer);
    interruption.release();
  }
}

/** Waits until other nodes are found; says so on a terminal. */
async function join({ dht, signal }: DhtWork, terminal: Terminal): Promise<void> {
  const display = new Display(
    terminal,
    () => [`Joining the DHT, ${formatCount(dht.nodes().length, "node")}`],
  );
  try {
    await dht.ready({ signal });
  } finally {
    display.close({ wipe: true });
  }
}

/** Runs an operation and gives its news. @throws {Failure} If it was a lookup and no node at all answered. */
export async function* inquire({ dht, signal }: DhtWork, operation: DhtOperation): AsyncGenerator<DhtNews> {
  for await (const news of dht.run(operation, { signal })) {
    if (news.type === "done" && news.report.replies === 0) throw new Failure("No DHT node answered");
    yield news;
  }
}

/**
 * The info hash that a name stands for: one is asked of the DHT if it is a link with a key in its place (BEP 46).
 *
 * @throws {TransportError} If nobody has any.
 */
export async function resolveName(
  { dht, signal }: DhtWork,
  name: Uint8Array | MagnetLink,
): Promise<Uint8Array> {
  return name instanceof Uint8Array ? name : (await findTorrent(dht, name, { signal })).infoHash;
}

/** Goes on with something that has no end, until Ctrl-C, which is how it is meant to end. @throws What else ends it. */
export async function untilInterrupted(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}
