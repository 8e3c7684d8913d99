/** Options that `download` and `seed` share: where to listen, whom to dial and by which way, how fast. */

import type { ClientOptions } from "../client/options.ts";
import { type DisposableNetwork, openDenoNetwork } from "../io/deno/open_network.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import { type OptionValues, UsageError } from "./arguments.ts";
import { chooseCacheFolder } from "./cache_folder.ts";
import { enterDht } from "./dht_options.ts";
import { readProxy } from "./proxy_option.ts";
import { readNodes } from "./surroundings.ts";

/** Their rows in an option table. */
export const TRANSFER_OPTIONS = {
  peer: {
    kind: "text",
    value: "HOST:PORT",
    many: true,
    help: "peer to connect to, besides those that trackers tell",
  },
  port: { kind: "port", value: "N", help: "TCP port to listen on, 0 for any [0]" },
  host: { kind: "text", value: "IP", help: "the only address to listen on and to connect from [every one]" },
  encryption: {
    kind: "text",
    value: "POLICY",
    help: "disabled, allowed, preferred or required, see below [allowed]",
  },
  proxy: {
    kind: "text",
    value: "URL",
    help: "socks5://[USER:PASSWORD@]HOST:PORT or the same with http: the only way out, see below",
  },
  "down-limit": {
    kind: "size",
    value: "SIZE",
    help: "bytes a second of content, such as 500K [no limit]",
  },
  "up-limit": { kind: "size", value: "SIZE", help: "bytes a second to peers [no limit]" },
  "no-announce": { kind: "flag", help: "tell neither trackers nor the DHT" },
  "no-dht": { kind: "flag", help: "take no part in the DHT" },
  "no-pex": { kind: "flag", help: "exchange no addresses with peers" },
  lsd: { kind: "flag", help: "look for peers in the local network, by multicast" },
  "dht-node": {
    kind: "text",
    value: "HOST:PORT",
    many: true,
    help: "DHT node to begin with instead of the well-known ones",
  },
  "dht-router": {
    kind: "text",
    value: "HOST:PORT",
    many: true,
    help: "the same, but asked only if need be and never remembered",
  },
  cache: {
    kind: "text",
    value: "FOLDER",
    help: "where DHT nodes are kept from run to run [your cache folder]",
  },
  "no-cache": { kind: "flag", help: "neither use nor keep the DHT nodes of earlier runs" },
  json: { kind: "flag", help: "print every event as a line of JSON instead" },
} as const;

/** What the help says of them. */
export const TRANSFER_NOTES =
  `Encryption (RC4, against those who slow BitTorrent down rather than those who spy on it):
  allowed    dials in the clear and, if the peer will not have that, encrypted; accepts both
  preferred  dials encrypted and, if the peer will not have that, in the clear; accepts both
  required   talks to nobody in the clear
  disabled   talks to nobody encrypted

With --proxy nothing goes past the proxy; what it cannot carry fails:
  through it     connections to peers; HTTP trackers and web seeds, whose names it looks up itself
  SOCKS5 only    UDP trackers and the DHT, if the proxy relays UDP; by IP address, for their names are not looked up
  not at all     peers that would connect to us; peers and UDP trackers known by name
  past it        finding the address of the proxy itself

With --host nothing comes from another address of this machine: without that address, as when a VPN ends, everything
fails. Names are still looked up in the system's way. HTTP trackers and web seeds fail if --proxy names a SOCKS5 proxy
as well.`;

/** The policies that the library has, from none to all. */
const POLICIES: readonly string[] = [
  "disabled",
  "allowed",
  "preferred",
  "required",
] satisfies ClientOptions["encryption"][];

type TransferValues = OptionValues<typeof TRANSFER_OPTIONS>;

/** The network that they leave open. @throws {UsageError} If they make no sense. */
export function openNetwork({ host, port, proxy, lsd }: TransferValues): DisposableNetwork {
  if (proxy !== undefined && port !== undefined) {
    throw new UsageError("Cannot use --port with --proxy: nobody can connect to us through a proxy");
  }
  if (proxy !== undefined && lsd) {
    throw new UsageError("Cannot use --lsd with --proxy: multicast goes past it");
  }
  try {
    return openDenoNetwork({
      ...(host !== undefined && { localHost: host }),
      ...(proxy !== undefined && { proxy: readProxy(proxy) }),
    });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** What they mean to a client. @throws {UsageError} If they make no sense. */
export function readClientOptions(options: TransferValues): ClientOptions {
  const { host, port, proxy } = options, encryption = readPolicy(options.encryption);
  const downloadLimit = options["down-limit"], uploadLimit = options["up-limit"];
  return {
    port: proxy === undefined ? port ?? 0 : false,
    dht: readDht(options),
    pex: !options["no-pex"],
    lsd: options.lsd,
    ...(host !== undefined && { host }),
    ...(encryption !== undefined && { encryption }),
    ...(downloadLimit !== undefined && { downloadLimit }),
    ...(uploadLimit !== undefined && { uploadLimit }),
  };
}

/** @throws {UsageError} If the link has a key in place of an info hash (BEP 46), and the options leave no DHT to ask. */
export function requireDht({ infoHashV1, infoHashV2 }: MagnetLink, options: TransferValues): void {
  if (infoHashV1 || infoHashV2 || readDht(options) !== false) return;
  const option = options["no-dht"] ? "--no-dht" : "an HTTP --proxy";
  throw new UsageError(
    `Cannot use ${option} with this link: only the DHT knows which torrent its key stands for`,
  );
}

function readDht(options: TransferValues): NonNullable<ClientOptions["dht"]> {
  const { proxy } = options, isOff = options["no-dht"] || proxy && readProxy(proxy).protocol !== "socks5";
  if (isOff) return false;
  return {
    ...enterDht({
      nodes: readNodes(options["dht-node"]),
      routers: readNodes(options["dht-router"]),
      // What is kept holds our ids in the DHT, which were made for our own address.
      folder: proxy === undefined ? chooseCacheFolder(options) : undefined,
    }),
    // Nobody could ask us through a relay.
    readOnly: proxy !== undefined,
  };
}

function readPolicy(text: string | undefined): ClientOptions["encryption"] {
  if (text === undefined || POLICIES.includes(text)) return text as ClientOptions["encryption"];
  throw new UsageError(`Cannot use --encryption: "${text}" is none of ${POLICIES.join(", ")}`);
}
