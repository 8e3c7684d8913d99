/** What is said on a fresh connection before it is of use: with a peer about encryption, with a proxy about the target. */

import { TransportError } from "../errors.ts";
import type { ByteConnection, Clock } from "./transport.ts";

/** How a talk is held. */
export interface OpeningTalkOptions {
  /** What it is for, to follow "Cannot" in error texts. */
  readonly purpose: string;
  /** Who is talked to, for error texts. */
  readonly partner: string;
  /** Time. */
  readonly clock: Clock;
  /** How long it may take. */
  readonly timeoutMs: number;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One side of a talk. Every failure is a `TransportError` that says what the talk was for. */
export class OpeningTalk {
  readonly #connection: ByteConnection;
  readonly #options: OpeningTalkOptions;

  /** See {@linkcode holdOpeningTalk}. */
  constructor(connection: ByteConnection, options: OpeningTalkOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Sends all of `bytes`. */
  async send(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (cause) {
      this.fail(describe(cause), cause);
    }
  }

  /** Waits for bytes, as many as come and `into` takes: a view of it. */
  async receive(into: Uint8Array): Promise<Uint8Array> {
    let count: number | null;
    try {
      count = await this.#connection.read(into);
    } catch (cause) {
      this.fail(describe(cause), cause);
    }
    if (count === null) this.fail(`${this.#options.partner} closed the connection`);
    return into.subarray(0, count);
  }

  /** Waits for so many bytes. */
  async receiveExactly(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) at += (await this.receive(bytes.subarray(at))).length;
    return bytes;
  }

  /** Gives the talk up. */
  fail(reason: string, cause?: unknown): never {
    throw new TransportError(
      `Cannot ${this.#options.purpose}: ${reason}`,
      cause === undefined ? {} : { cause },
    );
  }
}

/**
 * Holds a talk at the start of a connection. Unless it ends well the connection is closed.
 *
 * @throws {TransportError} If the talk fails or takes too long.
 * @throws The signal's reason if it fires first.
 */
export async function holdOpeningTalk<T>(
  connection: ByteConnection,
  options: OpeningTalkOptions,
  hold: (talk: OpeningTalk) => Promise<T>,
): Promise<T> {
  const { signal, clock, timeoutMs } = options, talk = new OpeningTalk(connection, options);
  const close = () => connection.close();
  let isLate = false;
  const cancel = clock.schedule(clock.now() + timeoutMs, () => {
    isLate = true;
    close();
  });
  signal?.addEventListener("abort", close, { once: true });
  try {
    signal?.throwIfAborted();
    return await hold(talk);
  } catch (error) {
    close();
    signal?.throwIfAborted();
    if (isLate) talk.fail("timed out");
    throw error;
  } finally {
    cancel();
    signal?.removeEventListener("abort", close);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
