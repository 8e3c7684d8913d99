/** The DHT in a client: one node for all public torrents, which are announced in it and find their peers (BEP 5). */

import { StateError } from "../errors.ts";
import type { Random } from "../bytes/random.ts";
import type { DatagramHub } from "../io/datagram_hub.ts";
import { DhtRunner } from "../io/dht_runner.ts";
import type { StateStore } from "../io/state_store.ts";
import type { Clock, Network } from "../io/transport.ts";
import type { HostAndPort } from "../metainfo/host_and_port.ts";
import type { DhtNodeState } from "../dht/vocabulary.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { canonicalHost } from "../peer/ip.ts";

/** How the DHT is used. */
export interface DhtOptions {
  /** Well-known nodes to begin with; {@linkcode DHT_ROUTERS} by default. */
  readonly routers?: readonly HostAndPort[];
  /** Other nodes to begin with; unlike routers they are kept in the table. */
  readonly nodes?: readonly HostAndPort[];
  /** UDP port, which UDP trackers share; by default that of the TCP listener, or another one if it is taken. */
  readonly port?: number;
  /** Ask, but do not answer others (BEP 43). */
  readonly readOnly?: boolean;
  /** Our id, 20 bytes; by default the one in `state`, or one that is drawn. */
  readonly nodeId?: Uint8Array;
  /** Where known nodes are kept between two runs; nowhere by default. */
  readonly state?: StateStore;
}

/** Nodes that everybody begins with: those of the large clients. */
export const DHT_ROUTERS: readonly HostAndPort[] = [
  { host: "router.bittorrent.com", port: 6881 },
  { host: "dht.libtorrent.org", port: 25401 },
  { host: "dht.transmissionbt.com", port: 6881 },
];

/** Peers are forgotten after half an hour by most nodes; libtorrent and others announce every quarter. */
const ANNOUNCE_EVERY_MS = 15 * 60_000;

/** How soon to look again while a torrent has no peers: a new swarm grows in seconds; doubled each time, up to a minute. */
const HUNGRY_FIRST_MS = 10_000, HUNGRY_EVERY_MS = 60_000;

/** Addresses of routers that the node is told of: each new one makes it try at once. */
const MOST_ROUTERS = 64;

/** The file in which nodes are kept. */
const SNAPSHOT = "dht.snapshot";

/** A torrent that takes part. */
export interface DhtMember {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Whether it has everything (BEP 33). */
  isSeed(): boolean;
  /** Whether it wants peers and has none. */
  isHungry(): boolean;
  /** Nobody in the DHT can be reached; it is tried again from time to time. */
  onUnreachable(): void;
  /** Peers were found. */
  addPeers(peers: readonly PeerAddress[]): void;
}

/** What the service needs of its client. */
export interface DhtServiceOptions {
  readonly network: Network;
  readonly hub: DatagramHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly dht: DhtOptions;
  /** The TCP port where our peers listen. */
  readonly port: () => number | undefined;
  readonly onState: (state: DhtNodeState, nodes: number) => void;
  readonly onExternalAddress: (host: string) => void;
}

interface Membership {
  readonly member: DhtMember;
  readonly abort: AbortController;
  isBusy: boolean;
  hungryMs: number;
  cancel: () => void;
}

/** A node that starts with the first torrent that needs it. */
export class DhtService {
  readonly #options: DhtServiceOptions;
  readonly #members = new Set<Membership>();
  readonly #closing = new AbortController();
  /** Routers that the node has been told of. */
  readonly #routers = new Set<string>();
  #runner: Promise<DhtRunner> | undefined;
  #isClosed = false;

  /** Starts nothing yet. */
  constructor(options: DhtServiceOptions) {
    this.#options = options;
  }

  /** The node, started if need be. @throws {TransportError} If there is no UDP socket to be had. */
  node(): Promise<DhtRunner> {
    if (this.#runner === undefined) {
      this.#runner = this.#start();
      this.#runner.catch(() => this.#runner = undefined); // another time there may be a socket
    }
    return this.#runner;
  }

  /** Fires when the service is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** The UDP port of the node, for PORT messages; `undefined` while it does not run, or answers nobody (BEP 43). */
  async port(): Promise<number | undefined> {
    if (this.#runner === undefined || this.#options.dht.readOnly) return undefined;
    return (await this.#options.hub.address()).port;
  }

  /** Somebody may be a node: a peer's PORT message, a torrent's `nodes` (BEP 5). */
  async addNodes(nodes: readonly HostAndPort[]): Promise<void> {
    const runner = await this.node().catch(() => undefined);
    for (const address of await this.#resolve(nodes)) runner?.addNode(address);
  }

  /** Announces a torrent and finds its peers from now on; the answer ends it. */
  join(member: DhtMember): () => void {
    const membership: Membership = {
      member,
      abort: new AbortController(),
      isBusy: false,
      hungryMs: HUNGRY_FIRST_MS,
      cancel: () => {},
    };
    this.#members.add(membership);
    this.node().then(() => this.#ask(membership), () => {}); // without UDP there is no DHT; trackers go on
    return () => {
      this.#members.delete(membership);
      membership.cancel();
      membership.abort.abort(new Error("the torrent has left"));
    };
  }

  /** Stops, and keeps what is known. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort(new StateError("The client is closed"));
    for (const { abort, cancel } of this.#members) cancel(), abort.abort(this.#closing.signal.reason);
    const runner = await this.#runner?.catch(() => undefined), { state } = this.#options.dht;
    if (runner === undefined) return;
    const snapshot = runner.nodes().length > 0 ? runner.snapshot() : undefined;
    runner.close();
    // What an earlier run knew outlives one without network; if it cannot be kept, the next one begins with the routers.
    if (snapshot) await state?.write(SNAPSHOT, snapshot).catch(() => {});
  }

  async #start(): Promise<DhtRunner> {
    const { hub, clock, random, dht, onExternalAddress } = this.#options;
    const snapshot = await dht.state?.read(SNAPSHOT).catch(() => undefined);
    const [routers = [], nodes = []] = await Promise.all(
      [dht.routers ?? DHT_ROUTERS, dht.nodes ?? []].map((hosts) => this.#resolve(hosts)),
    );
    for (const router of routers) this.#routers.add(formatPeerAddress(router));
    const settings = {
      hub,
      clock,
      random,
      routers,
      nodes,
      readOnly: dht.readOnly ?? false,
      onExternalAddress,
      ...(dht.nodeId && { nodeId: dht.nodeId }),
    };
    const onState = (state: DhtNodeState) => void this.#runner?.then((runner) => this.#heed(runner, state));
    return await DhtRunner.start({ ...settings, onState, ...(snapshot && { snapshot }) })
      .catch(() => DhtRunner.start({ ...settings, onState })); // the snapshot was damaged
  }

  #heed(runner: DhtRunner, state: DhtNodeState): void {
    this.#options.onState(state, runner.stats().nodes);
    if (state === "unreachable") void this.#findRouters(runner);
    for (const membership of this.#members) {
      if (state === "ready") void this.#ask(membership);
      else if (state === "unreachable") membership.member.onUnreachable();
    }
  }

  /** The names may not have been known before there was a network, or stand for other addresses by now. */
  async #findRouters(runner: DhtRunner): Promise<void> {
    for (const router of await this.#resolve(this.#options.dht.routers ?? DHT_ROUTERS)) {
      const key = formatPeerAddress(router);
      if (this.#routers.has(key) || this.#routers.size >= MOST_ROUTERS) continue;
      this.#routers.add(key);
      runner.addRouter(router);
    }
  }

  async #resolve(hosts: readonly HostAndPort[]): Promise<PeerAddress[]> {
    const { network } = this.#options, { signal } = this.#closing;
    const found = await Promise.all(hosts.map(async ({ host, port }) => {
      const hosts = await network.resolve(host, { signal }).catch(() => []);
      return hosts.flatMap((text) => canonicalHost(text) ?? []).map((host) => ({ host, port }));
    }));
    return found.flat();
  }

  /** Announces (or, without a port of ours, only asks), and plans the next time. */
  async #ask(membership: Membership): Promise<void> {
    const { member, abort } = membership, { clock } = this.#options;
    if (membership.isBusy || abort.signal.aborted || this.#isClosed) return;
    membership.isBusy = true;
    membership.cancel();
    try {
      const runner = await this.node();
      if (runner.state === "ready") await this.#lookUp(runner, membership);
    } catch {
      // Aborted, or the node was closed: there is no next time then.
    }
    membership.isBusy = false;
    if (abort.signal.aborted || this.#isClosed) return;
    const wait = member.isHungry() ? membership.hungryMs : ANNOUNCE_EVERY_MS;
    membership.hungryMs = Math.min(HUNGRY_EVERY_MS, membership.hungryMs * 2);
    membership.cancel = clock.schedule(clock.now() + wait, () => void this.#ask(membership));
  }

  async #lookUp(runner: DhtRunner, { member, abort }: Membership): Promise<void> {
    const { infoHash } = member, port = this.#options.port(), options = { signal: abort.signal };
    const operation = port === undefined
      ? { type: "getPeers", infoHash } as const
      : { type: "announce", infoHash, port, seed: member.isSeed() } as const;
    for await (const news of runner.run(operation, options)) {
      if (news.type === "peers") member.addPeers(news.peers);
    }
  }
}
