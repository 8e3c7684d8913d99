/** What every BitTorrent program in the laboratory can be asked to do. */
import type { Torrent } from "../contents.ts";
import type { Host, Running } from "../lab.ts";

/** One torrent for one program: a seed finds the content in `folder`, a download puts it there. */
export interface Job {
  readonly role: "seed" | "download";
  /** The folder that holds, or will hold, the content's name. */
  readonly folder: string;
  readonly torrent: Torrent;
  /** A magnet link to start from instead of the torrent file. */
  readonly magnet?: string;
  /** Peers to dial, as `host:port`; only for clients whose `dials` is true. */
  readonly peers?: readonly string[];
  /** Bytes a second. */
  readonly uploadLimit?: number;
  /** Bytes a second. */
  readonly downloadLimit?: number;
  /** DHT nodes to begin with, as `host:port`; without any the DHT is off. */
  readonly dht?: readonly string[];
  /** Whether to be at the host's IPv6 address; only for clients whose `ipv6` is true. */
  readonly isIpv6?: boolean;
  /** Whether to look for peers in the local network (BEP 14); only for clients whose `lsd` is true. */
  readonly lsd?: true;
  /** What to think of encrypted connections, instead of the client's default. */
  readonly encryption?: "required" | "refused";
}

/** A program that works on its job. */
export interface Sharing {
  readonly process: Running;
  /** Where it listens, as `host:port`. */
  readonly address: string;
  /** Waits until the program itself says that it has everything. */
  complete(timeoutMs?: number): Promise<void>;
}

/** A program and what it is able to do. */
export interface Client {
  readonly name: string;
  /** Files that must exist for it to run. */
  readonly needs: readonly string[];
  /** Whether it can be told the address of a peer. */
  readonly dials: boolean;
  readonly udpTrackers: boolean;
  readonly magnets: boolean;
  /** Whether it can be made to require encryption, or to refuse it. */
  readonly encryption: readonly ("required" | "refused")[];
  /** Whether it can be told to be at an IPv6 address. */
  readonly ipv6?: true;
  /** Whether it knows local service discovery. */
  readonly lsd?: true;
  /** Whether it hangs up on everybody when it is complete. */
  readonly hangsUp?: true;
  /** Whether it leaves files without a byte out of a download. */
  readonly skipsEmptyFiles?: true;
  readonly versions: readonly ("1" | "2" | "hybrid")[];
  /** Starts it and returns once it accepts connections for the torrent. */
  start(host: Host, job: Job): Promise<Sharing>;
}

/** The port that every client listens on: each has a host of its own. */
export const PORT = 6881;

/**
 * How long a client may take for a few MiB. Transmission and ctorrent wait for unchoke rounds of 10 s; libtorrent, and
 * qBittorrent with it, dials nobody again within a minute, also whom it hung up on itself when the metadata was there.
 */
export const TRANSFER_MS = 120_000;

/** `host:port` with brackets around an IPv6 host. */
export function endpoint(host: string, port: number = PORT): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
