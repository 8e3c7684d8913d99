/** One direction of a virtual byte connection: bytes in order, late by the link's latency and bandwidth. */

import { TransportError } from "../../errors.ts";

/** Bytes under way or unread above which writes wait, like the buffers of a real connection. */
const WINDOW = 256 * 1024;

/** When and how bytes travel; the network answers for the link between the two hosts as it is now. */
export interface PipeRoute {
  /** Calls back when a message of so many bytes arrives, in the order of the calls. */
  deliver(length: number, arrive: () => void): void;
}

interface Reader {
  readonly into: Uint8Array;
  resolve(count: number | null): void;
  reject(error: Error): void;
}

/** Bytes from a writer to a reader. */
export class Pipe {
  readonly #route: PipeRoute;
  readonly #arrived: Uint8Array[] = [];
  readonly #writers = new Set<{ resolve(): void; reject(error: Error): void }>();
  #reader: Reader | undefined;
  #outstanding = 0;
  /** The writing side is done; said to the reader behind the last byte. */
  #isEnded = false;
  #isEndArrived = false;
  #error: TransportError | undefined;

  /** Uses a way for its bytes. */
  constructor(route: PipeRoute) {
    this.#route = route;
  }

  /** Sends a copy of the bytes and waits until the window has room again. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isEnded) return Promise.reject(new TransportError("Cannot write to connection: it is closed"));
    if (bytes.length === 0) return Promise.resolve();
    this.#outstanding += bytes.length;
    const copy = bytes.slice();
    this.#route.deliver(copy.length, () => this.#arrive(copy));
    if (this.#outstanding <= WINDOW) return Promise.resolve();
    return new Promise((resolve, reject) => this.#writers.add({ resolve, reject }));
  }

  /** Reads what has arrived, waiting for at least one byte. */
  read(into: Uint8Array): Promise<number | null> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#take(into));
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isEndArrived) return Promise.resolve(null);
    if (this.#reader !== undefined) {
      return Promise.reject(new TransportError("Cannot read from connection: another read is waiting"));
    }
    return new Promise((resolve, reject) => this.#reader = { into, resolve, reject });
  }

  /** The writer is done: the reader finds the end behind the last byte; `onArrive` is called when it can. */
  end(onArrive: () => void): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const writer of this.#writers) writer.resolve();
    this.#writers.clear();
    this.#route.deliver(0, () => {
      this.#isEndArrived = true;
      this.#reader?.resolve(null);
      this.#reader = undefined;
      onArrive();
    });
  }

  /** The reader is done: what it has not read is lost, a read that waits ends. */
  abandon(): void {
    this.#isEndArrived = true;
    this.#arrived.length = 0;
    this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  /** Breaks the pipe: both sides fail with this error, after what has arrived is read. */
  fail(error: TransportError): void {
    this.#error ??= error;
    this.#reader?.reject(error);
    this.#reader = undefined;
    for (const writer of this.#writers) writer.reject(error);
    this.#writers.clear();
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#error !== undefined) return;
    if (this.#isEndArrived) return this.#free(bytes.length);
    this.#arrived.push(bytes);
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(this.#take(reader.into));
  }

  #take(into: Uint8Array): number {
    let filled = 0;
    while (filled < into.length && this.#arrived.length > 0) {
      const first = this.#arrived[0]!, part = first.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#arrived.shift();
      else this.#arrived[0] = first.subarray(part.length);
    }
    this.#free(filled);
    return filled;
  }

  #free(length: number): void {
    this.#outstanding -= length;
    if (this.#outstanding > WINDOW) return;
    for (const writer of this.#writers) writer.resolve();
    this.#writers.clear();
  }
}
