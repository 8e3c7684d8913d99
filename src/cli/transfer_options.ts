/** Options that `download` and `seed` share: where to listen, whom to dial, how fast. */

import type { ClientOptions } from "../client/options.ts";
import type { OptionValues } from "./arguments.ts";

/** Their rows in an option table. */
export const TRANSFER_OPTIONS = {
  peer: {
    kind: "text",
    value: "HOST:PORT",
    many: true,
    help: "peer to connect to, besides those that trackers tell",
  },
  port: { kind: "port", value: "N", help: "TCP port to listen on, 0 for any [0]" },
  host: { kind: "text", value: "IP", help: "address to listen on [every one]" },
  "down-limit": { kind: "size", value: "SIZE", help: "bytes a second from peers, such as 500K [no limit]" },
  "up-limit": { kind: "size", value: "SIZE", help: "bytes a second to peers [no limit]" },
  "no-announce": { kind: "flag", help: "tell neither trackers nor the DHT" },
  "no-dht": { kind: "flag", help: "take no part in the DHT" },
  json: { kind: "flag", help: "print every event as a line of JSON instead" },
} as const;

/** What they mean to a client. */
export function readClientOptions(options: OptionValues<typeof TRANSFER_OPTIONS>): ClientOptions {
  const { host, port } = options, downloadLimit = options["down-limit"], uploadLimit = options["up-limit"];
  return {
    port: port ?? 0,
    ...(options["no-dht"] && { dht: false }),
    ...(host !== undefined && { host }),
    ...(downloadLimit !== undefined && { downloadLimit }),
    ...(uploadLimit !== undefined && { uploadLimit }),
  };
}
