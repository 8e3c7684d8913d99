/** Options about the DHT: where to begin, what to keep, how to take part. */

import { join } from "node:path";
import type { DhtOptions } from "../client/dht_service.ts";
import { StateFiles } from "../io/deno/state_files.ts";
import type { HostAndPort } from "../metainfo/host_and_port.ts";
import { cacheFolder } from "./cache_folder.ts";

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
  "read-only": { kind: "flag", help: "ask, but do not answer others; all but 'node' do so anyway" },
  "no-cache": { kind: "flag", help: "neither use nor keep the nodes of earlier runs" },
  timeout: { kind: "seconds", value: "SECONDS", help: "how long to wait for everything [30]" },
  json: { kind: "flag", help: "print JSON instead" },
} as const;

/** Where to enter the DHT. */
export interface DhtEntry {
  readonly nodes: readonly HostAndPort[];
  readonly routers: readonly HostAndPort[];
  /** Whether nodes are kept from run to run. */
  readonly keepsNodes: boolean;
  /** The folder of a node that lives long, which has an id of its own; nobody else uses it meanwhile. */
  readonly place?: string;
}

/** What an entry means to a client. Nodes and routers that are named take the place of the well-known ones. */
export function enterDht({ nodes, routers, keepsNodes, place }: DhtEntry): DhtOptions {
  const shared = keepsNodes ? cacheFolder() : undefined;
  const folder = shared && place ? join(shared, place) : shared;
  return {
    ...(nodes.length + routers.length > 0 && { nodes, routers }),
    ...(folder !== undefined && { state: new StateFiles(folder) }),
    // BEP 45 "mandatory": programs that share a file may run at the same time, and must not share an id.
    ...(place === undefined && { nodeId: crypto.getRandomValues(new Uint8Array(ID_LENGTH)) }),
  };
}
