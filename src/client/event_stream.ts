/** One writer, many readers: events as async iterables that neither lose what matters nor grow without bound. */

/** Most events that wait for one reader. A reader this far behind loses the oldest ones. */
const MOST_WAITING = 10_000;

/** What a reader holds: events that wait, or the wish for the next one. */
class Subscription<Event> implements AsyncIterableIterator<Event> {
  readonly #onEnd: (self: Subscription<Event>) => void;
  #waiting: Event[] = [];
  #next: ((result: IteratorResult<Event>) => void)[] = [];
  #ended = false;

  constructor(onEnd: (self: Subscription<Event>) => void) {
    this.#onEnd = onEnd;
  }

  push(event: Event): void {
    const next = this.#next.shift();
    if (next) return next({ value: event, done: false });
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift();
    this.#waiting.push(event);
  }

  end(): void {
    this.#ended = true;
    for (const next of this.#next.splice(0)) next({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Event>> {
    if (this.#waiting.length > 0) return Promise.resolve({ value: this.#waiting.shift()!, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#next.push(resolve));
  }

  return(): Promise<IteratorResult<Event>> {
    this.#waiting = [];
    this.end();
    this.#onEnd(this);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Hands every event to every reader, each from the moment it began to read. */
export class EventStream<Event> {
  readonly #readers = new Set<Subscription<Event>>();
  #ended = false;

  /** Whether anybody reads: costly snapshots are made only then. */
  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  /** Tells all readers. */
  push(event: Event): void {
    for (const reader of this.#readers) reader.push(event);
  }

  /** Ends all readers once they have read what waits. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** Begins to read; breaking out of the loop ends it. */
  read(): AsyncIterableIterator<Event> {
    const reader = new Subscription<Event>((self) => this.#readers.delete(self));
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return reader;
  }
}
