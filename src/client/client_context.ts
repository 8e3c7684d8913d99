/** What all torrents of a client share: the runtime, the identity, limits, bans, and who listens. */

import type { Random } from "../bytes/random.ts";
import type { AddressVotes } from "../dht/address_votes.ts";
import type { DatagramHub } from "../io/datagram_hub.ts";
import type { StateStore } from "../io/state_store.ts";
import type { RateLimiter } from "../io/rate_limit.ts";
import type { ByteConnection, Clock, Network } from "../io/transport.ts";
import type { EncryptionPolicy } from "../mse/methods.ts";
import type { SkeyIndex } from "../mse/skey_index.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { AddressFamily } from "../peer/ip.ts";
import type { BanList } from "./ban_list.ts";
import type { DhtService } from "./dht_service.ts";
import type { EventStream } from "./event_stream.ts";
import type { ClientEvent } from "./events.ts";
import type { LsdService } from "./lsd_service.ts";
import type { ClientOptions } from "./options.ts";
import type { PeerExtension } from "./peer_extension.ts";
import type { ProgressPace } from "./progress_pace.ts";
import type { StoreFactory } from "./stores.ts";
import type { TrackerClient } from "../io/tracker_client.ts";

/** Who says what our address is: the nodes of the DHT or the peers of several networks, or a tracker. */
export type Witness = "dht" | "peers" | "tracker";

/** Shared by a client and its torrents; plain values and parts that belong to the client. */
export interface ClientContext {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly openStore: StoreFactory;
  /** Where resume data is kept, if anywhere. */
  readonly resume: StateStore | undefined;
  /** Our id in every handshake and announce, 20 bytes (BEP 20). */
  readonly peerId: Uint8Array;
  readonly events: EventStream<ClientEvent>;
  readonly progress: ProgressPace;
  readonly connections: ConnectionCount;
  readonly trackers: TrackerClient;
  /** Families of addresses that trackers are told of, each by an announce over it (BEP 7); if absent, of one that the system likes. */
  readonly announceFamilies: readonly AddressFamily[] | undefined;
  /** The UDP socket that trackers and the DHT share. */
  readonly hub: DatagramHub;
  /** The DHT, unless the user wants none. */
  readonly dht: DhtService | undefined;
  /** Local service discovery, if the user wants it. */
  readonly lsd: LsdService | undefined;
  /** Whether peers of public torrents tell each other about peers (BEP 11). */
  readonly pex: boolean;
  /** The user's own extensions (BEP 10). */
  readonly extensions: readonly PeerExtension<unknown>[];
  /** How much encryption connections have (MSE). */
  readonly encryption: EncryptionPolicy;
  /** Our torrents by the name that encrypted handshakes give them. */
  readonly skeys: SkeyIndex;
  /** Hosts that no torrent talks to any more. */
  readonly banned: BanList;
  /** A torrent has banned a host. */
  onBanned: (host: string) => void;
  /** The world sees us at this IP address, as DHT nodes agree, or as a tracker says (BEP 24). */
  onOurHost: (host: string, witness: Witness) => void;
  /** What peers say our address is (BEP 10 `yourip`), by whether they see us over IPv6. */
  readonly peerVotes: ReadonlyMap<boolean, AddressVotes>;
  /** Where we listen; `undefined` if nowhere. */
  listenAddress: PeerAddress | undefined;
  /** Most connections of one torrent. */
  readonly maxConnectionsPerTorrent: number;
  /** Most connections that one host may open to one torrent. */
  readonly maxConnectionsPerHost: number;
  /** The client's limit on what comes in. */
  readonly downloadLimit: RateLimiter;
  /** Applies the client's rate limits to a connection. */
  limit(connection: ByteConnection): ByteConnection;
}

/** The parts of a client. */
export interface ClientParts {
  readonly context: ClientContext;
  readonly options: ClientOptions;
  readonly limiters: { readonly download: RateLimiter; readonly upload: RateLimiter };
}

/** One place in so many is left to peers that dial us: if our own dials took all, nobody could reach us. */
const PLACES_PER_RESERVED = 10;

/** Counts the connections of all torrents against the client's limit. */
export class ConnectionCount {
  readonly #most: number;
  /** Dials that wait, the oldest first. */
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  /** Allows `most` connections at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a place for a dial as soon as there is one, first come, first served. @throws The signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#mayDial()) return void this.#taken++;
    const { promise, resolve } = Promise.withResolvers<void>(), abort = () => resolve();
    this.#waiting.add(resolve);
    signal.addEventListener("abort", abort, { once: true });
    await promise;
    signal.removeEventListener("abort", abort);
    if (this.#waiting.delete(resolve)) throw signal.reason;
  }

  /** Takes a place if there is one. */
  take(): boolean {
    if (this.#taken >= this.#most) return false;
    this.#taken++;
    return true;
  }

  /** Gives a place back. */
  give(): void {
    this.#taken--;
    const [next] = this.#waiting;
    if (next === undefined || !this.#mayDial()) return;
    this.#waiting.delete(next);
    this.#taken++;
    next();
  }

  #mayDial(): boolean {
    return this.#taken < this.#most - Math.floor(this.#most / PLACES_PER_RESERVED);
  }
}
