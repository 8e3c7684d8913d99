/** Lets peers in: takes connections from the listener and leads each to the torrent that its handshake names. */

import { equals } from "@std/bytes/equals";
import { encodeHex } from "../bytes/text.ts";
import { asError, StateError } from "../errors.ts";
import { acceptEncrypted, type AgreedConnection } from "../io/mse_connection.ts";
import type { ByteConnection, Listener } from "../io/transport.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { ClientContext } from "./client_context.ts";
import { hostKey, Tally } from "./host_tally.ts";
import { PeerSocket, type PeerSocketOwner } from "./peer_socket.ts";

/** Connections that have not named a torrent yet; more than that is an attack, and handshakes time out soon. */
const MOST_WAITING = 100;

/** Those of one host: it may want all its torrents at once, but must leave room for others. */
const MOST_WAITING_PER_HOST = 25;

/** Where a connection is led to: the torrent with this info hash, in hexadecimal, takes it or does not. */
export type Lead = (infoHash: string, socket: PeerSocket) => boolean;

/** What an acceptor needs. */
export interface AcceptorOptions {
  readonly context: ClientContext;
  /** Where connections come from; it is the acceptor's from now on. */
  readonly listener: Listener;
  readonly lead: Lead;
  /** Nobody can be let in any more, and not because of `close()`. */
  readonly onFailed: (error: Error) => void;
}

/** The door of a client. Owns connections until their info hash is known. */
export class Acceptor implements PeerSocketOwner {
  readonly #context: ClientContext;
  readonly #listener: Listener;
  readonly #lead: Lead;
  readonly #onFailed: (error: Error) => void;
  /** Connections without a torrent, and the info hash that an encrypted handshake was about. */
  readonly #waiting = new Map<PeerSocket, Uint8Array | undefined>();
  readonly #strangers = new Tally(MOST_WAITING_PER_HOST);
  /** Connections per torrent and host; the key of each that has found its torrent. */
  readonly #guests: Tally;
  readonly #places = new Map<PeerSocket, string>();
  readonly #abort = new AbortController();
  #agreeing = 0;

  /** Lets nobody in before `run` is called. */
  constructor({ context, listener, lead, onFailed }: AcceptorOptions) {
    this.#context = context;
    this.#listener = listener;
    this.#lead = lead;
    this.#onFailed = onFailed;
    this.#guests = new Tally(context.maxConnectionsPerHost);
  }

  /** Takes connections until `close`. Never rejects. */
  async run(): Promise<void> {
    try {
      for await (const connection of this.#listener) void this.#welcome(connection);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.close(); // the system took the listener away; outgoing connections go on
      this.#onFailed(asError(error));
    }
  }

  /** Stops listening and ends connections that nobody owns yet. Safe to call twice. */
  close(): void {
    this.#listener.close();
    this.#abort.abort(new StateError("The client is closed"));
    for (const socket of this.#waiting.keys()) socket.close();
    this.#waiting.clear();
  }

  /** Leads the connection to its torrent. Who encrypted for one torrent and then names another is no peer of either. */
  infoHash(socket: PeerSocket, infoHash: Uint8Array): void {
    const agreed = this.#waiting.get(socket) ?? infoHash, torrent = encodeHex(infoHash);
    this.#forget(socket);
    const place = `${torrent} ${hostKey(socket.address.host)}`;
    if (!equals(agreed, infoHash) || !this.#guests.take(place)) return socket.close();
    this.#places.set(socket, place);
    if (!this.#lead(torrent, socket)) socket.close();
  }

  /** A connection ended before it named a torrent. */
  ended(socket: PeerSocket): void {
    this.#forget(socket);
  }

  #forget(socket: PeerSocket): void {
    if (this.#waiting.delete(socket)) this.#strangers.give(hostKey(socket.address.host));
  }

  async #welcome(connection: ByteConnection): Promise<void> {
    const { connections, banned } = this.#context, address = connection.remote ?? NOWHERE;
    const isFull = this.#waiting.size + this.#agreeing >= MOST_WAITING, host = hostKey(address.host);
    if (banned.has(address.host) || isFull || !this.#strangers.take(host)) return connection.close();
    if (!connections.take()) {
      this.#strangers.give(host);
      return connection.close();
    }
    const talk = await this.#agree(connection);
    if (talk === undefined || this.#abort.signal.aborted) {
      this.#strangers.give(host);
      talk?.connection.close();
    } else await this.#run(talk, address);
    connections.give();
  }

  /** Until the connection is over, whoever owns it by then. */
  async #run({ connection, infoHash }: AgreedConnection, address: PeerAddress): Promise<void> {
    const { clock, dht, peerId } = this.#context;
    const socket = new PeerSocket({
      connection,
      address,
      clock,
      owner: this,
      machine: { direction: "incoming", peerId, features: { dht: dht !== undefined } },
    });
    this.#waiting.set(socket, infoHash);
    await socket.run();
    this.#forget(socket);
    const place = this.#places.get(socket);
    if (place === undefined) return;
    this.#places.delete(socket);
    this.#guests.give(place);
  }

  /** Encrypted or not, as the policy has it; `undefined` if nothing was agreed. */
  async #agree(connection: ByteConnection): Promise<AgreedConnection | undefined> {
    const { clock, random, encryption: policy, limit } = this.#context;
    this.#agreeing++;
    try {
      const findInfoHash = (hash: Uint8Array) => this.#context.skeys.find(hash), { signal } = this.#abort;
      return await acceptEncrypted(limit(connection), { policy, findInfoHash, clock, random, signal });
    } catch {
      return undefined; // it is closed, and nobody knows yet what it wanted
    } finally {
      this.#agreeing--;
    }
  }
}

/** For runtimes that do not say who connected. */
const NOWHERE: PeerAddress = { host: "0.0.0.0", port: 0 };
