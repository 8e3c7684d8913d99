/**
 * One peer connection at work: reads a byte connection into the connection machine, writes what comes out of it, and
 * tells its owner about messages. First the acceptor or the dialler owns it, then the torrent it belongs to.
 */

import type { ByteConnection, Clock } from "../io/transport.ts";
import { WakeTimer } from "../io/wake_timer.ts";
import type { PeerAddress } from "../peer/address.ts";
import { Connection } from "../wire/connection.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { HandshakePrefix } from "../wire/messages/handshake.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import type { ConnectionEffect, ConnectionInput, ConnectionOptions } from "../wire/vocabulary.ts";
import { Outbox } from "./outbox.ts";

/** Bytes of the first read; a connection that fills its buffer gets a larger one, up to the second number. */
const FIRST_READ = 16 * 1024, LARGEST_READ = 256 * 1024;

/** What the machine says when both handshakes are exchanged. */
export type Opening = Extract<ConnectionEffect, { type: "open" }>;

/** Who is told what happens on a connection. An owner leaves out what cannot happen while the connection is its. */
export interface PeerSocketOwner {
  /** The connection is over, and not because of `close()`. */
  ended(socket: PeerSocket, reason: string): void;
  /** An incoming connection names the torrent it wants. */
  infoHash?(socket: PeerSocket, infoHash: Uint8Array): void;
  /** Both handshakes are exchanged. */
  opened?(socket: PeerSocket, opening: Opening): void;
  /** Messages came, as many as one read brought in a row. Views inside them are valid during the call only. */
  messages?(socket: PeerSocket, messages: readonly PeerMessage[]): void;
  /** An extension message came (BEP 10). */
  extension?(socket: PeerSocket, message: ExtensionMessage): void;
  /** Blocks that were asked for with `sendBlock` have left, in one write. */
  blocksSent?(socket: PeerSocket, ranges: readonly BlockRange[]): void;
  /** A block could not be read. */
  readFailed?(socket: PeerSocket, range: BlockRange, error: unknown): void;
  /** Fills `into` with a block of verified content. */
  readBlock?(range: BlockRange, into: Uint8Array): Promise<void>;
  /** Settles when the peer may be read again; `undefined` if at once. */
  mayRead?(): Promise<void> | undefined;
}

/** What a peer socket is made from. */
export interface PeerSocketOptions {
  /** The stream. */
  readonly connection: ByteConnection;
  /** The other end. */
  readonly address: PeerAddress;
  /** For the machine. */
  readonly machine: ConnectionOptions;
  /** Time. */
  readonly clock: Clock;
  /** The first owner. */
  readonly owner: PeerSocketOwner;
}

/** A peer connection from its first byte to its last. */
export class PeerSocket {
  /** The other end. */
  readonly address: PeerAddress;
  /** Who opened it. */
  readonly direction: "outgoing" | "incoming";
  /** What the handshake of an incoming connection said. */
  asked: HandshakePrefix | undefined;
  /** The key under which the torrent machine knows it; set by the torrent that takes it over. */
  key = -1;
  readonly #connection: ByteConnection;
  readonly #machine: Connection;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  #owner: PeerSocketOwner;
  readonly #timer: WakeTimer;
  #isOver = false;
  #isInHurry = true;
  #reason = "closed by us";

  /** Nothing moves before {@linkcode PeerSocket.run}. */
  constructor(options: PeerSocketOptions) {
    this.address = options.address;
    this.direction = options.machine.direction;
    this.#connection = options.connection;
    this.#clock = options.clock;
    this.#owner = options.owner;
    this.#machine = new Connection(options.machine, options.clock.now());
    this.#timer = new WakeTimer({
      clock: options.clock,
      machine: this.#machine,
      onDue: () => this.tell({ type: "tick" }),
    });
    this.#outbox = new Outbox({
      connection: options.connection,
      clock: options.clock,
      readBlock: (range, into) => this.#owner.readBlock!(range, into),
      onSent: (ranges) => this.#blocksSent(ranges),
      onReadFailed: (range, error) => this.#owner.readFailed?.(this, range, error),
      onFailed: (error) => this.#end(`connection lost: ${describe(error)}`),
    });
  }

  /** Gives the connection to another owner: from now on that one is told. */
  give(owner: PeerSocketOwner): void {
    this.#owner = owner;
  }

  /** Whether the connection is over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether both handshakes were exchanged. */
  get isOpened(): boolean {
    return this.key >= 0;
  }

  /** Whether the peer understands an extension now, by its name in `m` (BEP 10). */
  understands(extension: string): boolean {
    return !this.#isOver && this.#machine.understands(extension);
  }

  /** Bytes of messages that wait to be written. */
  get waitingLength(): number {
    return this.#outbox.waitingLength;
  }

  /** Reads until the connection is over, and answers why it is. Never rejects. */
  async run(): Promise<string> {
    this.tell({ type: "tick" }); // the outgoing handshake
    let buffer = new Uint8Array(FIRST_READ);
    try {
      while (!this.#isOver) {
        const pause = this.#owner.mayRead?.();
        if (pause) await pause;
        const length = await this.#connection.read(buffer);
        if (length === null) {
          this.#end("closed by peer");
          break;
        }
        this.tell({ type: "bytes", bytes: buffer.subarray(0, length) });
        if (length === buffer.length && length < LARGEST_READ) buffer = new Uint8Array(length * 2);
      }
    } catch (error) {
      this.#end(`connection lost: ${describe(error)}`);
    }
    return this.#reason;
  }

  /** Gives the connection machine an input and carries out what it says. */
  tell(input: ConnectionInput): void {
    if (this.#isOver) return;
    this.#performAll(this.#machine.handle(input, this.#clock.now()));
    this.#timer.update();
  }

  /** Sends a message; a `have` is in no hurry. */
  send(message: PeerMessage): void {
    this.#isInHurry = message.type !== "have";
    this.tell({ type: "send", message });
    this.#isInHurry = true;
  }

  /** Sends messages in one write. */
  sendAll(messages: readonly PeerMessage[]): void {
    this.#isInHurry = messages.some(({ type }) => type !== "have");
    this.tell({ type: "sendAll", messages });
    this.#isInHurry = true;
  }

  /** Reads a block and sends it. */
  sendBlock(range: BlockRange): void {
    this.#outbox.sendBlock(range);
  }

  /** Closes without telling the owner. Safe to call twice. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.close();
    this.#outbox.close();
    this.#connection.close();
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#reason = reason;
    this.close();
    this.#owner.ended(this, reason);
  }

  #blocksSent(ranges: readonly BlockRange[]): void {
    this.tell({ type: "written" });
    if (!this.#isOver) this.#owner.blocksSent?.(this, ranges);
  }

  /** Performs effects in their order; the owner hears messages in a row together, which takes 7 % off the main thread's time for a block. */
  #performAll(effects: readonly ConnectionEffect[]): void {
    let messages: PeerMessage[] = [];
    for (const effect of effects) {
      if (effect.type === "message") {
        messages.push(effect.message);
        continue;
      }
      this.#deliver(messages);
      messages = [];
      this.#perform(effect);
    }
    this.#deliver(messages);
  }

  #deliver(messages: readonly PeerMessage[]): void {
    if (messages.length > 0 && !this.#isOver) this.#owner.messages?.(this, messages);
  }

  #perform(effect: Exclude<ConnectionEffect, { type: "message" }>): void {
    if (this.#isOver) return;
    switch (effect.type) {
      case "write":
        return this.#isInHurry ? this.#outbox.send(effect.bytes) : this.#outbox.sendLater(effect.bytes);
      case "extension":
        return this.#owner.extension?.(this, effect.message);
      case "infoHash":
        this.asked = effect;
        return this.#owner.infoHash?.(this, effect.infoHash);
      case "open":
        return this.#owner.opened?.(this, effect);
      case "close":
        return this.#end(effect.reason);
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
