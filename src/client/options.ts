/** What a client and a torrent in it can be told, with the defaults and their reasons. */

import type { Random } from "../bytes/random.ts";
import type { Clock, Network } from "../io/transport.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { EncryptionPolicy } from "../mse/methods.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { StateStore } from "../io/state_store.ts";
import type { DhtOptions } from "./dht_service.ts";
import type { PeerExtension } from "./peer_extension.ts";
import type { StoreFactory } from "./stores.ts";

/** What {@linkcode createClient} takes. */
export interface ClientOptions {
  /** The network to use; the runtime's own by default. */
  readonly network?: Network;
  /** Time; the system's by default. */
  readonly clock?: Clock;
  /** Chance; cryptographic by default. */
  readonly random?: Random;
  /** Makes the place where a torrent's content is kept; files below `directory` by default. */
  readonly openStore?: StoreFactory;
  /** Where resume data is kept; `false` keeps none. The folder `.bittorrent` in `directory` by default. */
  readonly resume?: StateStore | false;
  /** Folder for content unless a torrent says otherwise; the working folder by default. */
  readonly directory?: string;
  /** TCP port to listen on; 0 lets the system choose, `false` accepts no connections. */
  readonly port?: number | false;
  /** Local IP address to listen on; every address by default. */
  readonly host?: string;
  /**
   * The DHT (BEP 5): `false` for none. By default a node is started with the first public torrent, and begins with
   * {@linkcode DHT_ROUTERS}.
   */
  readonly dht?: boolean | DhtOptions;
  /** Peers of public torrents tell each other about peers (BEP 11), and introduce them (BEP 55); `true` by default. */
  readonly pex?: boolean;
  /** Announce public torrents in the local network and hear of others' (BEP 14); `false` by default: it is multicast. */
  readonly lsd?: boolean;
  /** Extensions of one's own, spoken in every torrent (BEP 10); `TorrentHandle.extend` is for a single one. */
  readonly extensions?: readonly PeerExtension<unknown>[];
  /**
   * Message stream encryption (MSE): `allowed` by default, which dials in the clear first and accepts both; `preferred`
   * dials encrypted first, `required` talks to nobody in the clear, `disabled` never encrypts.
   */
  readonly encryption?: EncryptionPolicy;
  /** Most connections of all torrents together. */
  readonly maxConnections?: number;
  /** Most connections of one torrent. */
  readonly maxConnectionsPerTorrent?: number;
  /** Most connections that one IP address (of IPv6, one network of 64 bits) may open to one torrent. */
  readonly maxConnectionsPerHost?: number;
  /** Bytes a second from all peers together; unlimited if absent or 0. */
  readonly downloadLimit?: number;
  /** Bytes a second to all peers together; unlimited if absent or 0. */
  readonly uploadLimit?: number;
  /** Ends the client like `close()`. */
  readonly signal?: AbortSignal;
}

/** Numbers a user need not know. */
export const CLIENT_DEFAULTS: {
  readonly maxConnections: number;
  readonly maxConnectionsPerTorrent: number;
  readonly maxConnectionsPerHost: number;
  readonly closeTimeoutMs: number;
  readonly encryption: EncryptionPolicy;
} = {
  /** libtorrent's default; each costs some 300 KiB of buffers at most. */
  maxConnections: 200,
  /** webtorrent's default is 55, rain's 100. */
  maxConnectionsPerTorrent: 80,
  /** libtorrent takes one, but behind one address there may be a whole house; it takes ten of them to fill a torrent. */
  maxConnectionsPerHost: 8,
  /** How long `close()` waits for trackers to hear `stopped` (BEP 3 "trackers": a polite client says goodbye). */
  closeTimeoutMs: 3_000,
  /** Reaches everybody at the least cost: a peer that insists on encryption is dialled again. */
  encryption: "allowed",
};

/** What `Client.add` takes: a torrent file's bytes or what `readMetainfo` made of them; a magnet link or what `parseMagnet` did. */
export type TorrentSource = Uint8Array | Metainfo | string | MagnetLink;

/** What one torrent can be told when it is added. */
export interface AddOptions {
  /** Folder for this torrent's content. */
  readonly directory?: string;
  /** Peers to dial besides those that trackers tell. */
  readonly peers?: readonly PeerAddress[];
  /** Which files are wanted, by index in `info.files`; all by default. */
  readonly files?: readonly number[];
  /** Download in order instead of rarest first. */
  readonly sequential?: boolean;
  /** Announce to the torrent's trackers and, if it is public, in the DHT; `true` by default. */
  readonly announce?: boolean;
  /** More announce URLs, each a tier of its own behind the torrent's (BEP 12). */
  readonly trackers?: readonly string[];
  /** Download from the web seeds that the torrent or the link names, too (BEP 17, 19); `true` by default. */
  readonly webSeeds?: boolean;
  /** Show each peer of a complete torrent one piece at a time, so that a first seed sends little twice (BEP 16). */
  readonly superSeed?: boolean;
  /** Start paused. */
  readonly paused?: boolean;
  /**
   * Of a magnet link fetch the metadata only, and what else a torrent file must have (BEP 52 "piece layers"): the torrent pauses
   * then, and touches no file before `resume()`.
   */
  readonly metadataOnly?: boolean;
  /** Hash everything on disk even if resume data vouches for it. */
  readonly recheck?: boolean;
  /** Write into a file that exists with other content. */
  readonly overwrite?: boolean;
  /** Gives up the adding. */
  readonly signal?: AbortSignal;
}
