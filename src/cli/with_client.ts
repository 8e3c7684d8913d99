/** The life of a client in a command: events to standard output, Ctrl-C, and a clean end whatever happens. */

import { type Client, createClient } from "../client/client.ts";
import type { AddOptions, ClientOptions } from "../client/options.ts";
import type { TorrentHandle } from "../client/torrent_handle.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { Display } from "./display.ts";
import { createPalette } from "./render.ts";
import { Interrupted, type Terminal } from "./terminal.ts";
import { Notices, printEvents, transferPicture } from "./transfer.ts";

/** What a command does with a client; the signal is aborted by Ctrl-C, or when nobody reads our output any more. */
export type ClientWork<T> = (client: Client, signal: AbortSignal) => Promise<T>;

/**
 * Makes a client, works with it and closes it, which says goodbye to trackers and writes resume data. With `json`
 * every event is printed.
 */
export async function withClient<T>(
  options: ClientOptions,
  terminal: Terminal,
  json: boolean,
  work: ClientWork<T>,
): Promise<T> {
  const interruption = terminal.interruption(), unread = new AbortController();
  const signal = AbortSignal.any([interruption.signal, unread.signal]);
  try {
    const client = await createClient(options);
    const printing = json ? printEvents(client, terminal).catch((error) => unread.abort(error)) : undefined;
    try {
      return await work(client, signal);
    } finally {
      if (signal.aborted && terminal.columns() !== undefined) {
        terminal.writeError("Saying goodbye; Ctrl-C again ends at once\n");
      }
      await client.close();
      await printing;
    }
  } finally {
    interruption.release();
  }
}

/** Adds a torrent; shows that the DHT is asked first, if a link has a key in place of an info hash (BEP 46). */
export async function addTorrent(
  client: Client,
  source: Metainfo | MagnetLink,
  options: AddOptions,
  terminal: Terminal | undefined,
): Promise<TorrentHandle> {
  const isKnown = source.infoHashV1 !== undefined || source.infoHashV2 !== undefined;
  if (isKnown || terminal === undefined) return await client.add(source, options);
  const display = new Display(terminal, () => ["Asking the DHT which torrent the key stands for"]);
  try {
    return await client.add(source, options);
  } finally {
    display.close({ wipe: true });
  }
}

/** Shows a torrent on the terminal while something is waited for. The last picture stays, unless it shall be wiped. */
export async function watchTorrent<T>(
  torrent: TorrentHandle,
  terminal: Terminal,
  waiting: Promise<T>,
  options: { readonly wipe?: boolean } = {},
): Promise<T> {
  const palette = createPalette(terminal.hasErrorColours), picture = transferPicture(torrent, palette);
  const notices = new Notices();
  void notices.follow(torrent);
  const display = new Display(terminal, (width) => [...picture(width), ...notices.lines(width, palette)]);
  try {
    return await waiting;
  } finally {
    display.close(options);
  }
}

/** Settles when the user wants to stop. @throws The signal's reason, if that is something else. */
export async function interrupted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  if (!(signal.reason instanceof Interrupted)) throw signal.reason;
}
