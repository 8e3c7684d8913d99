/** Options about the DHT: where to begin, what to keep, how to take part. */

import type { DhtOptions } from "../client/dht_service.ts";
import { StateFiles } from "../io/deno/state_files.ts";
import type { HostAndPort } from "../metainfo/host_and_port.ts";

const ID_LENGTH = 20;

/** Rows that every `dht` command has. */
export const DHT_OPTIONS = {
  node: {
    kind: "text",
    value: "HOST:PORT",
    many: true,
    help: "node to begin with instead of the well-known ones",
  },
  router: {
    kind: "text",
    value: "HOST:PORT",
    many: true,
    help: "the same, but asked only if need be and never remembered",
  },
  host: { kind: "text", value: "IP", help: "address to send from [every one]" },
  port: { kind: "port", value: "N", help: "UDP port to send from, 0 for any [0]" },
  cache: {
    kind: "text",
    value: "FOLDER",
    help: "where DHT nodes are kept from run to run [your cache folder]",
  },
  "no-cache": { kind: "flag", help: "neither use nor keep the DHT nodes of earlier runs" },
  timeout: { kind: "seconds", value: "SECONDS", help: "how long to wait for everything [30]" },
  json: { kind: "flag", help: "print JSON instead" },
} as const;

/** Where to enter the DHT. */
export interface DhtEntry {
  readonly nodes: readonly HostAndPort[];
  readonly routers: readonly HostAndPort[];
  /** The folder where nodes are kept from run to run. */
  readonly folder?: string | undefined;
  /** Whether the folder is that of a node that lives long: its id is kept too, for nobody else uses it meanwhile. */
  readonly keepsId?: boolean;
}

/** What an entry means to a client. Nodes and routers that are named take the place of the well-known ones. */
export function enterDht({ nodes, routers, folder, keepsId = false }: DhtEntry): DhtOptions {
  return {
    ...(nodes.length + routers.length > 0 && { nodes, routers }),
    ...(folder !== undefined && { state: new StateFiles(folder) }),
    // BEP 45 "mandatory": programs that share a file may run at the same time, and must not share an id.
    ...(!keepsId && { nodeId: crypto.getRandomValues(new Uint8Array(ID_LENGTH)) }),
  };
}
