/** What one connection still has to send: messages at once, blocks read from the store straight behind their headers. */

import { concat } from "@std/bytes/concat";
import type { ByteConnection, Clock } from "../io/transport.ts";
import { encodePieceHeader } from "../wire/messages/encode_message.ts";
import { type BlockRange, PIECE_HEADER_LENGTH } from "../wire/messages/message.ts";

/** Bytes gathered for one write: above 256 KiB the gain per call levels off (measured on loopback TCP). */
const GATHERED = 256 * 1024;

/**
 * Memory of writes that are over, for the next of any peer: new memory is zeroed and mapped each time, and a peer that asks for
 * 256 blocks at once would need some for every 4 MiB.
 */
const spares: Uint8Array[] = [], MOST_SPARES = 4;

/** Messages that may wait for a peer that does not read. It would have to ask for tens of thousands of answers. */
const MOST_WAITING = 1024 * 1024;

/** The same for what is in no hurry: a check that finds 900,000 pieces has as many to tell at once. */
const MOST_PATIENT = 8 * 1024 * 1024;

/** How long a message that is in no hurry may wait for company: 2,000 writes of one `have` cost as much as 64 MiB. */
const PATIENCE_MS = 100;

/** What the outbox needs of its surroundings. */
export interface OutboxOptions {
  /** Where to write. */
  readonly connection: ByteConnection;
  /** Time. */
  readonly clock: Clock;
  /** Fills `into` with a block of verified content. */
  readonly readBlock: (range: BlockRange, into: Uint8Array) => Promise<void>;
  /** Blocks have left, in one write. */
  readonly onSent: (ranges: readonly BlockRange[]) => void;
  /** A block could not be read; nothing was sent of it. */
  readonly onReadFailed: (range: BlockRange, error: unknown) => void;
  /** The connection failed, or the peer does not read. */
  readonly onFailed: (error: unknown) => void;
}

/** Gathers what is to be sent into few large writes; messages overtake blocks, which keep their order. */
export class Outbox {
  readonly #options: OutboxOptions;
  #messages: Uint8Array[] = [];
  #messageBytes = 0;
  /** Those of them that came in no hurry. */
  #patientBytes = 0;
  /** Some message that waits is in a hurry. */
  #isInHurry = false;
  #blocks: BlockRange[] = [];
  #isPumping = false;
  #isClosed = false;
  #cancelLater: (() => void) | undefined;

  /** Sends nothing until told to. */
  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Bytes of messages that wait; blocks are not counted. */
  get waitingLength(): number {
    return this.#messageBytes;
  }

  /** Sends encoded messages as soon as the connection takes them. */
  send(bytes: Uint8Array): void {
    if (!this.#hold(bytes)) return;
    this.#isInHurry = true;
    this.#wake();
  }

  /** Sends encoded messages that are in no hurry with the next ones that are, or a little later. */
  sendLater(bytes: Uint8Array): void {
    this.#patientBytes += bytes.length;
    if (!this.#hold(bytes)) return;
    const { clock } = this.#options;
    this.#cancelLater ??= clock.schedule(clock.now() + PATIENCE_MS, () => {
      this.#cancelLater = undefined;
      this.#isInHurry = this.#messages.length > 0;
      this.#wake();
    });
  }

  /** Reads a block and sends it as a `piece` message. */
  sendBlock(range: BlockRange): void {
    if (this.#isClosed) return;
    this.#blocks.push(range);
    this.#wake();
  }

  /** Forgets what waits. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLater?.();
    this.#blocks = [];
    this.#forgetMessages();
  }

  /** Keeps a message until it can be written; `false` if the connection is over, or was just given up. */
  #hold(bytes: Uint8Array): boolean {
    if (this.#isClosed) return false;
    this.#messages.push(bytes);
    this.#messageBytes += bytes.length;
    const isTooMuch = this.#patientBytes > MOST_PATIENT ||
      this.#messageBytes - this.#patientBytes > MOST_WAITING;
    if (isTooMuch) this.#fail(new Error("the peer does not read"));
    return !isTooMuch;
  }

  #forgetMessages(): void {
    this.#messages = [];
    this.#messageBytes = this.#patientBytes = 0;
    this.#isInHurry = false;
  }

  get #hasWork(): boolean {
    return this.#isInHurry || this.#blocks.length > 0;
  }

  #wake(): void {
    if (this.#isPumping || !this.#hasWork) return;
    this.#isPumping = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      await undefined; // let the caller say all it has to say: it goes out in one write
      let buffer: Uint8Array | undefined; // ours as long as there is something to send
      while (!this.#isClosed && this.#hasWork) {
        if (this.#blocks.length === 0) {
          await this.#options.connection.write(this.#takeMessages());
          continue;
        }
        buffer ??= spares.pop() ?? new Uint8Array(GATHERED);
        await this.#writeBlocks(buffer);
      }
      // Not after a failure: whoever failed may hold it still.
      if (buffer !== undefined && spares.length < MOST_SPARES) spares.push(buffer);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isPumping = false;
    }
    this.#wake();
  }

  /**
   * One write: the messages that wait, then as many blocks as fit. An asynchronous function per block would make 300 of the 1,900
   * bytes of garbage that a block left behind.
   */
  async #writeBlocks(buffer: Uint8Array): Promise<void> {
    const { connection, onReadFailed, onSent, readBlock } = this.#options;
    if (this.#messageBytes > 0) await connection.write(this.#takeMessages());
    const sent: BlockRange[] = [];
    let length = 0;
    while (this.#blocks.length > 0 && (length === 0 || fits(this.#blocks[0]!, length))) {
      const range = this.#blocks.shift()!, start = length + PIECE_HEADER_LENGTH, end = start + range.length;
      try {
        await readBlock(range, buffer.subarray(start, end));
      } catch (error) {
        if (!this.#isClosed) onReadFailed(range, error);
        continue;
      }
      encodePieceHeader(range, buffer, length);
      length = end;
      sent.push(range);
    }
    if (length > 0 && !this.#isClosed) await connection.write(buffer.subarray(0, length));
    if (sent.length > 0) onSent(sent);
  }

  #takeMessages(): Uint8Array {
    const messages = this.#messages;
    this.#forgetMessages();
    return messages.length === 1 ? messages[0]! : concat(messages);
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onFailed(error);
  }
}

function fits(range: BlockRange, length: number): boolean {
  return length + PIECE_HEADER_LENGTH + range.length <= GATHERED;
}
