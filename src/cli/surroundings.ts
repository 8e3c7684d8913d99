/** Options that `create` and `edit` share: what a torrent says around its content. */

import { DecodeError } from "../errors.ts";
import { type HostAndPort, parseHostAndPort } from "../metainfo/host_and_port.ts";
import { shownUrl } from "../metainfo/shown_url.ts";
import { type OptionValues, UsageError } from "./arguments.ts";

/** Their rows in an option table. */
export const SURROUNDING_OPTIONS = {
  announce: {
    kind: "text",
    short: "a",
    value: "URL",
    many: true,
    help: "tracker; each one a tier of its own, several of one tier separated by commas",
  },
  "web-seed": {
    kind: "text",
    short: "w",
    value: "URL",
    many: true,
    help: "where a web server has the content",
  },
  node: { kind: "text", value: "HOST:PORT", many: true, help: "DHT node to start from" },
  comment: { kind: "text", short: "c", value: "TEXT", help: "free text" },
} as const;

/** Tracker URLs in tiers (BEP 12). @throws {UsageError} If one is no tracker's URL. */
function readTiers(values: readonly string[]): readonly (readonly string[])[] {
  // A comma may stand in a URL; one that separates is followed by another URL.
  return values.map((value) =>
    value.split(/,(?=[a-z][a-z0-9+.-]*:\/\/)/i).map((url) => readUrl(url, TRACKER_SCHEMES))
  );
}

/** URLs of content. @throws {UsageError} If one is none. */
function readWebSeeds(values: readonly string[]): readonly string[] {
  return values.map((url) => readUrl(url, WEB_SCHEMES));
}

/** DHT nodes. @throws {UsageError} If one is no host and port. */
export function readNodes(values: readonly string[]): readonly HostAndPort[] {
  return values.map(readHostAndPort);
}

/** A host and a port. @throws {UsageError} If it is none. */
export function readHostAndPort(text: string): HostAndPort {
  try {
    return parseHostAndPort(text);
  } catch (error) {
    if (error instanceof DecodeError) throw new UsageError(`"${text}" is not HOST:PORT`);
    throw error;
  }
}

const WEB_SCHEMES = ["http:", "https:", "ftp:"], TRACKER_SCHEMES = ["http:", "https:", "udp:", "ws:", "wss:"];

/** Checks a URL and keeps its spelling, which trackers may care about. */
function readUrl(text: string, schemes: readonly string[]): string {
  const url = URL.parse(text);
  if (url === null || !schemes.includes(url.protocol) || url.hostname === "") {
    throw new UsageError(
      `"${shownUrl(text)}" is no URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
    );
  }
  return text;
}

/** What the options say, in the words of the library; absent where nothing was given. */
export function readSurroundings(options: OptionValues<typeof SURROUNDING_OPTIONS>): {
  readonly announce?: readonly (readonly string[])[];
  readonly webSeeds?: readonly string[];
  readonly nodes?: readonly HostAndPort[];
  readonly comment?: string;
} {
  const { announce, node, comment } = options, webSeeds = options["web-seed"];
  return {
    ...(announce.length > 0 && { announce: readTiers(announce) }),
    ...(webSeeds.length > 0 && { webSeeds: readWebSeeds(webSeeds) }),
    ...(node.length > 0 && { nodes: readNodes(node) }),
    ...(comment !== undefined && { comment }),
  };
}
