/** What stands around the info dictionary, written (BEP 3, 5, 12, 17, 19). */

import type { Bencodable } from "../bencode/encode.ts";
import type { HostAndPort } from "./host_and_port.ts";

/** What stands around the info dictionary of a torrent: all that can be changed without making it another torrent. */
export interface TorrentSurroundings {
  /** Tracker URLs in tiers, best tier first (BEP 12). */
  readonly announce?: readonly (readonly string[])[];
  /** URLs of the content on web servers (BEP 19). */
  readonly webSeeds?: readonly string[];
  /** URLs of scripts that serve pieces (BEP 17). */
  readonly httpSeeds?: readonly string[];
  /** DHT nodes to start from (BEP 5 "torrent file extensions"). */
  readonly nodes?: readonly HostAndPort[];
  /** Free text. */
  readonly comment?: string;
  /** The program that made the file. */
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
}

/** Changes of what stands around the info dictionary; what is absent stays, an empty list or `null` removes. */
export interface TorrentChanges extends Omit<TorrentSurroundings, "comment" | "createdBy" | "creationDate"> {
  /** Free text. */
  readonly comment?: string | null;
  /** The program that made the file. */
  readonly createdBy?: string | null;
  /** Seconds since 1970. */
  readonly creationDate?: number | null;
}

/** Keys and values of a torrent file; `undefined` is a key that must not be there. */
export type TorrentEntries = { readonly [key: string]: Bencodable | undefined };

/** The keys that changes come to. */
export function buildSurroundings(changes: TorrentChanges): TorrentEntries {
  const { announce, webSeeds, httpSeeds, nodes, comment, createdBy, creationDate } = changes;
  return {
    ...(announce && buildAnnounce(announce)),
    // BEP 19 "metadata extension": one URL may stand alone, and old clients know no other form.
    ...(webSeeds && { "url-list": webSeeds.length > 1 ? webSeeds : webSeeds[0] }),
    ...(httpSeeds && { "httpseeds": orNone(httpSeeds) }),
    ...(nodes && { "nodes": orNone(nodes.map(({ host, port }) => [host, port])) }),
    ...(comment !== undefined && { "comment": comment ?? undefined, "comment.utf-8": undefined }),
    ...(createdBy !== undefined && { "created by": createdBy ?? undefined, "created by.utf-8": undefined }),
    ...(creationDate !== undefined && { "creation date": creationDate ?? undefined }),
  };
}

/** `announce` for clients that know no tiers, `announce-list` if it says more (BEP 12). */
function buildAnnounce(announce: readonly (readonly string[])[]): TorrentEntries {
  const tiers = announce.filter((tier) => tier.length > 0), hasMore = tiers.flat().length > 1;
  return { "announce": tiers[0]?.[0], "announce-list": hasMore ? tiers : undefined };
}

function orNone<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}
