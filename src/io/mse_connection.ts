/** Byte connections with encryption: runs the MSE handshake on a fresh connection and gives back the stream behind it. */

import type { Random } from "../bytes/random.ts";
import { MseHandshake } from "../mse/handshake.ts";
import type { StreamCiphers } from "../mse/keys.ts";
import { type CryptoMethod, ENCRYPTION_POLICIES, type EncryptionPolicy } from "../mse/methods.ts";
import { DEFAULT_MSE_LIMITS, type MseEffect, type MseInput, type MseLimits } from "../mse/vocabulary.ts";
import type { PeerAddress } from "../peer/address.ts";
import { holdOpeningTalk, type OpeningTalk } from "./opening_talk.ts";
import type { ByteConnection, Clock } from "./transport.ts";
import { unread } from "./unread.ts";

/** Bytes read at once during the handshake: its longest part, with an initial payload as everybody sends it. */
const READ_LENGTH = 1024;

/** Ciphertext is written from memory that is used again; of a longer message it is not kept. */
const MIN_SCRATCH = 1024, MAX_SCRATCH = 64 * 1024;

const NO_BYTES = new Uint8Array();

/** What a handshake of either direction needs. */
export interface EncryptionOptions {
  /** How much encryption is wanted; `preferred` by default. */
  readonly policy?: EncryptionPolicy;
  /** Other methods than those of the policy, the best first. */
  readonly methods?: readonly CryptoMethod[];
  /** Other bounds than the defaults. */
  readonly limits?: Partial<MseLimits>;
  /** Draws keys, which must be hard to guess, and padding. */
  readonly random: Random;
  /** Time. */
  readonly clock: Clock;
  /** Gives up with the signal's reason; the connection is closed then. */
  readonly signal?: AbortSignal;
}

/** What {@linkcode connectEncrypted} needs. */
export interface ConnectEncryptedOptions extends EncryptionOptions {
  /** 20 bytes: the v1 info hash, or the v2 info hash cut (BEP 52). */
  readonly infoHash: Uint8Array;
  /** The first bytes of our stream, usually the BitTorrent handshake (68 bytes): it saves a round trip to send them here. */
  readonly initialPayload?: Uint8Array;
}

/** What {@linkcode acceptEncrypted} needs. */
export interface AcceptEncryptedOptions extends EncryptionOptions {
  /** The torrent whose `skeyHash` this is, by its info hash: see `SkeyIndex`. */
  readonly findInfoHash: (skeyHash: Uint8Array) => Uint8Array | undefined;
}

/** A connection whose beginning is agreed. */
export interface AgreedConnection {
  /** The stream as the BitTorrent protocol sees it. */
  readonly connection: ByteConnection;
  /** What it goes through: `none` for bare BitTorrent, `plaintext` if MSE was spoken and chose no encryption. */
  readonly encryption: "none" | CryptoMethod;
  /** What an encrypted handshake was about; the BitTorrent handshake behind it must say the same. */
  readonly infoHash: Uint8Array | undefined;
}

/**
 * Agrees on encryption over a connection that we dialled. If that fails the connection is closed: who would rather
 * talk in the clear dials again (`ENCRYPTION_POLICIES` says whether), because nothing else can be said on this one.
 *
 * @throws {TransportError} If the peer does not agree, goes away or is too slow: "Cannot encrypt connection: …", followed
 * by an `MseCloseReason` or what happened to the connection.
 * @throws The signal's reason if it fires first.
 * @throws {TypeError} If the policy is `disabled` or no method is left.
 * @throws {RangeError} If the info hash has not 20 bytes or the initial payload has more than 65,535.
 */
export async function connectEncrypted(
  connection: ByteConnection,
  options: ConnectEncryptedOptions,
): Promise<AgreedConnection> {
  const machine = new MseHandshake({ ...options, direction: "outgoing" }, options.clock.now());
  return await agree(connection, machine, { ...options, findInfoHash: () => undefined });
}

/**
 * Takes a connection in, encrypted or not, as the policy has it. A plain one is passed on from its first byte.
 *
 * @throws {TransportError} If the peer does not agree, goes away or is too slow: "Cannot encrypt connection: …", followed
 * by an `MseCloseReason` or what happened to the connection.
 * @throws The signal's reason if it fires first.
 * @throws {TypeError} If no method is left.
 */
export async function acceptEncrypted(
  connection: ByteConnection,
  options: AcceptEncryptedOptions,
): Promise<AgreedConnection> {
  if (!ENCRYPTION_POLICIES[options.policy ?? "preferred"].accepts.includes("mse")) {
    return { connection, encryption: "none", infoHash: undefined };
  }
  const machine = new MseHandshake({ ...options, direction: "incoming" }, options.clock.now());
  return await agree(connection, machine, options);
}

async function agree(
  connection: ByteConnection,
  machine: MseHandshake,
  { clock, signal, limits, findInfoHash }: AcceptEncryptedOptions,
): Promise<AgreedConnection> {
  const { handshakeTimeoutMs: timeoutMs } = { ...DEFAULT_MSE_LIMITS, ...limits };
  const options = { purpose: "encrypt connection", partner: "the peer", clock, timeoutMs, signal };
  const end = await holdOpeningTalk(connection, options, (talk) => {
    return run(talk, machine, { clock, findInfoHash });
  });
  if (end.type === "plain") {
    return { connection: unread(connection, end.bytes), encryption: "none", infoHash: undefined };
  }
  const { ciphers, initialPayload, method, infoHash } = end;
  const stream = ciphers === undefined ? connection : new Rc4Connection(connection, ciphers);
  return { connection: unread(stream, initialPayload), encryption: method, infoHash };
}

/** Runs the machine to a good end. The last of its effects says what it waits for. */
async function run(
  talk: OpeningTalk,
  machine: MseHandshake,
  { clock, findInfoHash }: Pick<AcceptEncryptedOptions, "clock" | "findInfoHash">,
): Promise<Extract<MseEffect, { type: "open" | "plain" }>> {
  const buffer = new Uint8Array(READ_LENGTH);
  for (let input: MseInput = { type: "tick" };;) {
    const effects = machine.handle(input, clock.now()), last = effects.at(-1);
    for (const effect of effects) if (effect.type === "write") await talk.send(effect.bytes);
    if (last?.type === "open" || last?.type === "plain") return last;
    if (last?.type === "close") talk.fail(last.reason);
    if (last?.type === "skey") {
      const infoHash = findInfoHash(last.hash);
      input = infoHash === undefined ? { type: "refuse" } : { type: "accept", infoHash };
    } else {
      input = { type: "bytes", bytes: await talk.receive(buffer) };
    }
  }
}

/** A stream through two ciphers: decrypted in the reader's memory, encrypted in memory of its own. */
class Rc4Connection implements ByteConnection {
  readonly #connection: ByteConnection;
  readonly #ciphers: StreamCiphers;
  /** Not in use by a write that is under way. */
  #scratch: Uint8Array = NO_BYTES;

  constructor(connection: ByteConnection, ciphers: StreamCiphers) {
    this.#connection = connection;
    this.#ciphers = ciphers;
  }

  get local(): PeerAddress | undefined {
    return this.#connection.local;
  }

  get remote(): PeerAddress | undefined {
    return this.#connection.remote;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const count = await this.#connection.read(into);
    if (count !== null) this.#ciphers.incoming.apply(into.subarray(0, count));
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const scratch = this.#takeScratch(bytes.length), encrypted = scratch.subarray(0, bytes.length);
    this.#ciphers.outgoing.apply(bytes, encrypted);
    await this.#connection.write(encrypted);
    if (scratch.length <= MAX_SCRATCH) this.#scratch = scratch;
  }

  close(): void {
    this.#connection.close();
  }

  #takeScratch(length: number): Uint8Array {
    const scratch = this.#scratch;
    this.#scratch = NO_BYTES;
    return scratch.length >= length ? scratch : new Uint8Array(Math.max(length, MIN_SCRATCH));
  }
}
