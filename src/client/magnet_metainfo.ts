/** What a magnet link and the info dictionary that its peers gave make of each other (BEP 9 "magnet URI format", BEP 53). */

import { concat } from "@std/bytes/concat";
import { encodeUtf8 } from "../bytes/text.ts";
import { DecodeError } from "../errors.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import { type Metainfo, readMetainfo } from "../metainfo/metainfo.ts";

/**
 * The torrent that a link stands for: its info dictionary, and around it what the link says.
 *
 * @throws {DecodeError} If the info dictionary makes no sense, though its hash is right.
 */
export async function magnetMetainfo(rawInfo: Uint8Array, magnet: MagnetLink): Promise<Metainfo> {
  try {
    const metainfo = await readMetainfo(concat([encodeUtf8("d4:info"), rawInfo, encodeUtf8("e")]));
    return { ...metainfo, announce: magnet.trackers.map((url) => [url]), webSeeds: magnet.webSeeds };
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new DecodeError(`Cannot use the metadata of the magnet link: ${cause.message}`, { cause });
  }
}

/** The files that a link selects, as far as they exist (BEP 53: what makes no sense is ignored). */
export function selectedFiles(magnet: MagnetLink, { info }: Metainfo): readonly number[] | undefined {
  const files = magnet.selectOnly?.filter((index) => info.files[index] !== undefined);
  return files && files.length > 0 ? files : undefined;
}
