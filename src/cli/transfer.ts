/** A torrent at work, as `download` and `seed` show it: a picture on a terminal, JSON lines, or nothing. */

import type { Client } from "../client/client.ts";
import type { ClientEvent, TorrentStatus } from "../client/events.ts";
import type { TorrentHandle } from "../client/torrent_handle.ts";
import type { Picture } from "./display.ts";
import { describeError, describeErrorAt } from "./failure.ts";
import { printableMessage } from "./format.ts";
import { jsonLine } from "./json.ts";
import { type Palette, shorten } from "./render.ts";
import { reportTorrent } from "./report.ts";
import { transferScreen } from "./screens.ts";
import type { Terminal } from "./terminal.ts";

/** How often the curve of rates gets a new value. */
const SAMPLE_MS = 500;

/** More than any curve shows. */
const MOST_SAMPLES = 100;

/** The picture of a torrent, called by its name or by another one; draw it as often as you like. */
export function transferPicture(torrent: TorrentHandle, palette: Palette, name?: string): Picture {
  const rates: number[] = [];
  let sampledAt = -Infinity;
  return (width) => {
    const status = torrent.status(), now = performance.now();
    if (now - sampledAt >= SAMPLE_MS) {
      rates.push(rateOf(status));
      if (rates.length > MOST_SAMPLES) rates.shift();
      sampledAt = now;
    }
    const pieces = torrent.pieces();
    return transferScreen(
      { ...status, name: name ?? torrent.name, hasPiece: (piece) => pieces?.has(piece) ?? false, rates },
      width,
      palette,
    );
  };
}

function rateOf(status: TorrentStatus): number {
  return status.state === "seeding" ? status.uploadRate : status.downloadRate;
}

/** What went wrong last, in one line, for the foot of a picture. */
export class Notices {
  #last = "";

  /** Follows a torrent until it ends. */
  async follow(torrent: TorrentHandle): Promise<void> {
    for await (const event of torrent.events()) {
      if (event.type === "announceFailed") this.#note(describeErrorAt(event.tracker, event.error));
      else if (event.type === "webSeedFailed") this.#note(describeError(event.error));
      else if (event.type === "webSeedDiscarded") {
        this.#note(describeErrorAt(event.url, new Error(event.reason)));
      } else if (event.type === "announced" || event.type === "peerConnected") this.#note("");
      else if (event.type === "warning") this.#note(event.message);
    }
  }

  /** The line, or none. */
  lines(width: number, palette: Palette): readonly string[] {
    return this.#last === "" ? [] : [palette.yellow(shorten(this.#last, width))];
  }

  #note(text: string): void {
    this.#last = printableMessage(text);
  }
}

/** Writes every event of a client as a line of JSON, until the client closes. */
export async function printEvents(client: Client, terminal: Terminal): Promise<void> {
  if (client.address !== undefined) {
    terminal.write(formatEvent({ type: "listening", address: client.address }));
  }
  for await (const event of client.events()) terminal.write(formatEvent(event));
}

/** One event as a line of JSON; errors are their messages, and metadata is what `info --json` makes of it. */
function formatEvent(event: ClientEvent): string {
  const content = event.type === "metadata" ? { ...event, metainfo: reportTorrent(event.metainfo) } : event;
  return jsonLine(content, (_key, value) => value instanceof Error ? describeError(value) : value);
}
