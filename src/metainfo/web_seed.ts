/** Where a web server has a file of a torrent (BEP 19 "metadata extension", "multi-file torrents"). */

import { encodeUtf8, percentEncode } from "../bytes/text.ts";
import type { TorrentFile, TorrentInfo } from "./info.ts";

/**
 * The URL of a file below one of a torrent's `webSeeds`. A URL that ends in a slash, and any URL of a torrent with a
 * folder, gets the torrent's path appended, as the torrent spells it; else it is the file itself.
 */
export function webSeedUrl(webSeed: string, info: TorrentInfo, file: TorrentFile): string {
  if (!info.multiFile && !webSeed.endsWith("/")) return webSeed;
  const segments = (file.originalPath ?? file.path.map(encodeUtf8)).map(percentEncode);
  return `${webSeed}${webSeed.endsWith("/") ? "" : "/"}${segments.join("/")}`;
}
