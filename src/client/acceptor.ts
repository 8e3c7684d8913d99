/** Lets peers in: takes connections from the listener and leads each to the torrent that its handshake names. */

import { encodeHex } from "../bytes/text.ts";
import { StateError } from "../errors.ts";
import { acceptEncrypted } from "../io/mse_connection.ts";
import type { ByteConnection, Listener } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { ClientContext } from "./client_context.ts";
import { PeerSocket, type PeerSocketOwner } from "./peer_socket.ts";

/** Connections that have not named a torrent yet; more than that is an attack, and handshakes time out soon. */
const MOST_WAITING = 100;

/** Where a connection is led to: the torrent with this info hash, in hexadecimal, takes it or does not. */
export type Lead = (infoHash: string, socket: PeerSocket) => boolean;

/** The door of a client. Owns connections until their info hash is known. */
export class Acceptor implements PeerSocketOwner {
  readonly #context: ClientContext;
  readonly #listener: Listener;
  readonly #lead: Lead;
  readonly #waiting = new Set<PeerSocket>();
  readonly #abort = new AbortController();
  #agreeing = 0;

  /** Takes connections from `listener` once `run` is called. */
  constructor(context: ClientContext, listener: Listener, lead: Lead) {
    this.#context = context;
    this.#listener = listener;
    this.#lead = lead;
  }

  /** Takes connections until `close`. Never rejects. */
  async run(): Promise<void> {
    try {
      for await (const connection of this.#listener) void this.#welcome(connection);
    } catch {
      this.close(); // the system took the listener away; outgoing connections go on
    }
  }

  /** Stops listening and ends connections that nobody owns yet. Safe to call twice. */
  close(): void {
    this.#listener.close();
    this.#abort.abort(new StateError("The client is closed"));
    for (const socket of this.#waiting) socket.close();
    this.#waiting.clear();
  }

  /** Leads the connection to its torrent. */
  infoHash(socket: PeerSocket, infoHash: Uint8Array): void {
    this.#waiting.delete(socket);
    if (!this.#lead(encodeHex(infoHash), socket)) socket.close();
  }

  /** A connection ended before it named a torrent. */
  ended(socket: PeerSocket): void {
    this.#waiting.delete(socket);
  }

  async #welcome(connection: ByteConnection): Promise<void> {
    const { connections, banned } = this.#context, address = connection.remote ?? NOWHERE;
    if (
      banned.has(address.host) || this.#waiting.size + this.#agreeing >= MOST_WAITING || !connections.take()
    ) {
      return connection.close();
    }
    const talk = await this.#agree(connection);
    if (talk === undefined || this.#abort.signal.aborted) {
      talk?.close();
      return connections.give();
    }
    const socket = new PeerSocket({
      connection: talk,
      address,
      clock: this.#context.clock,
      owner: this,
      machine: {
        direction: "incoming",
        peerId: this.#context.peerId,
        features: { dht: this.#context.dht !== undefined },
      },
    });
    this.#waiting.add(socket);
    await socket.run();
    connections.give();
  }

  /** Encrypted or not, as the policy has it; `undefined` if nothing was agreed. */
  async #agree(connection: ByteConnection): Promise<ByteConnection | undefined> {
    const { clock, random, encryption: policy, limit } = this.#context;
    this.#agreeing++;
    try {
      const findInfoHash = (hash: Uint8Array) => this.#context.skeys.find(hash), { signal } = this.#abort;
      return (await acceptEncrypted(limit(connection), { policy, findInfoHash, clock, random, signal }))
        .connection;
    } catch {
      return undefined; // it is closed, and nobody knows yet what it wanted
    } finally {
      this.#agreeing--;
    }
  }
}

/** For runtimes that do not say who connected. */
const NOWHERE: PeerAddress = { host: "0.0.0.0", port: 0 };
