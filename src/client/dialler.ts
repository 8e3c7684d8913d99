/** Opens connections to peers, bare or encrypted as the policy has it, and remembers what worked for whom. */

import { TransportError } from "../errors.ts";
import { connectEncrypted } from "../io/mse_connection.ts";
import type { ByteConnection } from "../io/transport.ts";
import { type Beginning, ENCRYPTION_POLICIES } from "../mse/methods.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import type { ClientContext } from "./client_context.ts";

/** How long a dial may take: libtorrent's value; a SYN is sent four times in it. */
const DIAL_TIMEOUT_MS = 15_000;

/** Addresses remembered: far more than a torrent connects to. */
const MOST_REMEMBERED = 1000;

/** What a dialler needs. */
export interface DiallerOptions {
  readonly context: ClientContext;
  /** 20 bytes: what an encrypted handshake with a peer is about. */
  readonly infoHash: (address: PeerAddress) => Uint8Array;
  /** Gives up all dials. */
  readonly signal: AbortSignal;
}

/** Dials for one torrent. */
export class Dialler {
  readonly #options: DiallerOptions;
  /** How each address was talked to the last time it went well. */
  readonly #worked = new Map<string, Beginning>();

  /** Dials nobody by itself. */
  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /**
   * Gives connections to a peer, each begun in another way, until `isTalking` says that the last one went well: one that
   * insists on encryption hangs up on a bare handshake, an old one on an encrypted one.
   *
   * @throws {TransportError} If the peer cannot be reached, or agrees on nothing.
   */
  async *connections(address: PeerAddress, isTalking: () => boolean): AsyncGenerator<ByteConnection> {
    const key = formatPeerAddress(address), worked = this.#worked.get(key);
    const { dials } = ENCRYPTION_POLICIES[this.#options.context.encryption];
    const order = worked !== undefined && dials.includes(worked) ? [worked] : dials;
    let failure: unknown;
    for (const beginning of order) {
      const connection = await this.#connect(address); // who cannot be reached cannot be reached twice
      const talk = await this.#begin(connection, address, beginning).catch((error) => void (failure = error));
      if (talk === undefined) continue;
      yield talk;
      if (isTalking()) return this.#remember(key, beginning);
      failure = undefined;
    }
    this.#worked.delete(key);
    if (failure !== undefined) throw failure;
  }

  async #begin(
    connection: ByteConnection,
    address: PeerAddress,
    beginning: Beginning,
  ): Promise<ByteConnection> {
    if (beginning === "plain") return connection;
    const { context: { clock, random, encryption: policy }, signal } = this.#options;
    const infoHash = this.#options.infoHash(address);
    return (await connectEncrypted(connection, { infoHash, policy, clock, random, signal })).connection;
  }

  async #connect(address: PeerAddress): Promise<ByteConnection> {
    const { context: { network, clock, limit }, signal } = this.#options, timeout = new AbortController();
    const cancel = clock.schedule(clock.now() + DIAL_TIMEOUT_MS, () => {
      timeout.abort(new TransportError(`Cannot dial ${formatPeerAddress(address)}: no answer`));
    });
    try {
      return limit(await network.dial(address, { signal: AbortSignal.any([signal, timeout.signal]) }));
    } finally {
      cancel();
    }
  }

  #remember(key: string, beginning: Beginning): void {
    this.#worked.delete(key);
    this.#worked.set(key, beginning);
    if (this.#worked.size > MOST_REMEMBERED) this.#worked.delete(this.#worked.keys().next().value!);
  }
}
