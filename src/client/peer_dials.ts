/** Dials for one torrent: each waits for a place, tries one way of talking after the other, and tells how it went. */

import { asError, TransportError } from "../errors.ts";
import type { ByteConnection } from "../io/transport.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import type { CloseReason } from "../wire/vocabulary.ts";
import type { ClientContext } from "./client_context.ts";
import { Dialler } from "./dialler.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { PeerHost } from "./peer_host.ts";
import type { PeerSocket } from "./peer_socket.ts";
import type { TorrentNames } from "./torrent_names.ts";

/** How a connection ends that led back to us: somebody told us our own address. */
const ITSELF: CloseReason = "connected to itself";

/** What dials need of their torrent. */
export interface PeerDialsOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  /** What handshakes say. */
  readonly names: TorrentNames;
  /** Whoever is to be told; nobody while the torrent changes lives. */
  readonly host: () => PeerHost | undefined;
  /** A connection stands: the handshake may begin. */
  readonly makeSocket: (connection: ByteConnection, address: PeerAddress) => PeerSocket;
}

/** Opens connections until `close`. */
export class PeerDials {
  readonly #options: PeerDialsOptions;
  readonly #abort = new AbortController();
  readonly #dialler: Dialler;
  #drops = 0;

  /** Dials nobody by itself. */
  constructor(options: PeerDialsOptions) {
    const { context, names } = options, infoHash = (address: PeerAddress) => names.dial(address).infoHash;
    this.#options = options;
    this.#dialler = new Dialler({ context, infoHash, signal: this.#abort.signal });
  }

  /** Opens a connection, once there is a place for it; the host hears of its success or failure. Never rejects. */
  async dial(address: PeerAddress): Promise<void> {
    const { connections } = this.#options.context;
    try {
      await connections.wait(this.#abort.signal);
    } catch {
      return; // the torrent is closed
    }
    try {
      await this.#dial(address);
    } finally {
      connections.give();
    }
  }

  /** Dials under way are in vain. */
  drop(): void {
    this.#drops++;
  }

  /** Gives up all dials. Safe to call twice. */
  close(reason: string): void {
    this.#abort.abort(new TransportError(reason));
  }

  async #dial(address: PeerAddress): Promise<void> {
    const { context, host, life, life: { infoHash }, makeSocket } = this.#options, drops = this.#drops;
    if (host() === undefined) return; // it changed its mind while this waited
    // By another torrent, or it would not be dialled.
    if (context.banned.has(address.host)) return host()?.dialFailed(address);
    let socket: PeerSocket | undefined, reason = "no answer";
    try {
      for await (const connection of this.#dialler.connections(address, () => socket?.isOpened ?? false)) {
        // It was given up while it came to stand.
        const isVain = this.#abort.signal.aborted || this.#drops > drops || host() === undefined;
        if (isVain) return connection.close();
        if (context.banned.has(address.host)) { // by now
          connection.close();
          reason = "banned";
          break;
        }
        socket = makeSocket(connection, address);
        reason = await socket.run();
        if (reason === ITSELF) break;
      }
      if (socket?.isOpened) return;
      throw new TransportError(`Cannot talk to ${formatPeerAddress(address)}: ${reason}`);
    } catch (cause) {
      if (this.#abort.signal.aborted) return;
      life.emit({ type: "dialFailed", infoHash, address, error: asError(cause) });
      host()?.dialFailed(address, reason === ITSELF);
    }
  }
}
