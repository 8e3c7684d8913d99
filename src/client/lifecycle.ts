/** What stays the same through a torrent's lives: its name on the wire, its state, its events, and who waits for it. */

import { StateError } from "../errors.ts";
import type { ClientContext } from "./client_context.ts";
import { EventStream } from "./event_stream.ts";
import type { TorrentEvent, TorrentState, TorrentStatus } from "./events.ts";
import { Goals } from "./goals.ts";

/** State, events and goals of one torrent. Phases: as {@linkcode TorrentState}, ending with `closed`. */
export class Lifecycle {
  /** Info hash in hexadecimal, 40 digits: what handshakes and trackers say. */
  readonly infoHash: string;
  /** Everything that happens to this torrent. */
  readonly events: EventStream<TorrentEvent> = new EventStream();
  /** What one can wait for. */
  readonly goals: Goals = new Goals();
  readonly #context: ClientContext;
  readonly #abort = new AbortController();
  #state: TorrentState;
  #error: Error | undefined;

  /** Begins in this state. */
  constructor(context: ClientContext, infoHash: string, state: TorrentState) {
    this.#context = context;
    this.infoHash = infoHash;
    this.#state = state;
  }

  /** What the torrent is doing. */
  get state(): TorrentState {
    return this.#state;
  }

  /** Why the torrent failed, if it did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Fires when the torrent is closed. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Tells the readers of the torrent and of the client. */
  emit(event: TorrentEvent): void {
    this.events.push(event);
    this.#context.events.push(event);
  }

  /** Tells of something odd that is not the end. */
  warn(message: string): void {
    this.emit({ type: "warning", infoHash: this.infoHash, message });
  }

  /** No torrent talks to this host any more. */
  ban(host: string, reason: string): void {
    this.#context.banned.add(host);
    this.emit({ type: "peerBanned", infoHash: this.infoHash, host, reason });
    this.#context.onBanned(host);
  }

  /** Goes into another state, and says so. */
  enter(state: TorrentState): void {
    if (this.#state === state || this.#abort.signal.aborted) return;
    this.#state = state;
    if (state !== "failed") {
      this.#error = undefined;
      this.goals.revive();
    }
    this.emit({ type: "state", infoHash: this.infoHash, state });
  }

  /** The torrent cannot go on; answers whether that is news. */
  fail(error: Error): boolean {
    if (this.#error !== undefined || this.signal.aborted) return false;
    this.#error = error;
    this.enter("failed");
    this.emit({ type: "error", infoHash: this.infoHash, error });
    this.goals.fail(error);
    return true;
  }

  /** The torrent is over. */
  end(): void {
    const reason = new StateError("The torrent is closed");
    this.enter("closed");
    this.#abort.abort(reason);
    this.goals.fail(reason);
  }

  /** Reports progress at a steady pace while somebody reads; the answer ends it. */
  reportProgress(status: () => TorrentStatus): () => void {
    const { events, progress } = this.#context;
    return progress.add(() => {
      if (!this.events.isRead && !events.isRead) return;
      this.emit({ type: "progress", infoHash: this.infoHash, status: status() });
    });
  }
}
