/** Puts a client together: what the options leave open is the runtime's own. */

import { AddressVotes } from "../dht/address_votes.ts";
import { cryptoRandom } from "../io/chance.ts";
import { systemClock } from "../io/clock.ts";
import { DatagramHub } from "../io/datagram_hub.ts";
import { limitRate, RateLimiter } from "../io/rate_limit.ts";
import { SkeyIndex } from "../mse/skey_index.ts";
import { createPeerId } from "../peer/peer_id.ts";
import { BanList } from "./ban_list.ts";
import { type ClientContext, type ClientParts, ConnectionCount } from "./client_context.ts";
import { DhtService } from "./dht_service.ts";
import { EventStream } from "./event_stream.ts";
import { LsdService } from "./lsd_service.ts";
import type { ClientEvent } from "./events.ts";
import { CLIENT_DEFAULTS, type ClientOptions } from "./options.ts";
import { ProgressPace } from "./progress_pace.ts";
import { requireExtensions } from "./peer_extension.ts";
import { TrackerClient } from "../io/tracker_client.ts";

/**
 * Makes the parts of a client; Deno's adapters are loaded only if the options do not bring others.
 *
 * @throws {TypeError} If the user's extensions cannot be offered together.
 */
export async function assemble(options: ClientOptions): Promise<ClientParts> {
  requireExtensions(options.extensions ?? []);
  const network = options.network ?? (await import("../io/deno/network.ts")).denoNetwork;
  const clock = options.clock ?? systemClock, random = options.random ?? cryptoRandom;
  const download = new RateLimiter(clock, options.downloadLimit ?? 0);
  const upload = new RateLimiter(clock, options.uploadLimit ?? 0);
  const events = new EventStream<ClientEvent>();
  const dht = typeof options.dht === "object" ? options.dht : {};
  const hub = new DatagramHub(network, () => ({
    port: dht.port ?? context.listenAddress?.port ?? 0,
    mustHavePort: dht.port !== undefined,
    ...(options.host !== undefined && { host: options.host }),
  }));
  const context: ClientContext = {
    network,
    clock,
    random,
    openStore: options.openStore ?? (await import("../io/deno/piece_files.ts")).openPieceFiles,
    resume: await resumeStore(options),
    peerId: createPeerId(random),
    events,
    progress: new ProgressPace(clock),
    connections: new ConnectionCount(options.maxConnections ?? CLIENT_DEFAULTS.maxConnections),
    trackers: new TrackerClient({ network, clock, random, hub }),
    // Who listens at one address has no other to announce.
    announceFamilies: network.choosesFamily && options.host === undefined ? [4, 6] : undefined,
    hub,
    dht: options.dht === false ? undefined : new DhtService({
      network,
      hub,
      clock,
      random,
      dht,
      port: () => context.listenAddress?.port,
      onState: (state, nodes) => events.push({ type: "dht", state, nodes }),
      onExternalAddress: (host) => context.onOurHost(host, "dht"),
    }),
    lsd: options.lsd !== true ? undefined : new LsdService({
      network,
      clock,
      random,
      host: options.host,
      port: () => context.listenAddress?.port,
      onFailed: (error) => events.push({ type: "lsdFailed", error }),
    }),
    pex: options.pex ?? true,
    extensions: options.extensions ?? [],
    encryption: options.encryption ?? CLIENT_DEFAULTS.encryption,
    skeys: new SkeyIndex(),
    banned: new BanList(),
    onBanned: () => {},
    listenAddress: undefined,
    onOurHost: () => {},
    peerVotes: new Map([false, true].map((isV6) => [isV6, new AddressVotes()])),
    maxConnectionsPerTorrent: options.maxConnectionsPerTorrent ?? CLIENT_DEFAULTS.maxConnectionsPerTorrent,
    maxConnectionsPerHost: options.maxConnectionsPerHost ?? CLIENT_DEFAULTS.maxConnectionsPerHost,
    downloadLimit: download,
    limit: (connection) => limitRate(connection, { download, upload }),
  };
  return { context, options, limiters: { download, upload } };
}

async function resumeStore({ resume, directory = "." }: ClientOptions) {
  if (resume !== undefined) return resume === false ? undefined : resume;
  const { StateFiles } = await import("../io/deno/state_files.ts");
  return new StateFiles(`${directory}/.bittorrent`);
}
