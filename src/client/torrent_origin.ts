/** What a torrent in a client begins with. */

import type { PieceStore } from "../io/storage.ts";
import { type MagnetLink, parseMagnet } from "../metainfo/magnet.ts";
import { type Metainfo, readMetainfo } from "../metainfo/metainfo.ts";
import type { ClientContext } from "./client_context.ts";
import { withOwnLayers } from "./layer_keeper.ts";
import type { AddOptions, TorrentSource } from "./options.ts";

/** Where a torrent begins: known, with its store open, or as a link. */
export type Origin =
  | { readonly metainfo: Metainfo; readonly store: PieceStore }
  | { readonly magnet: MagnetLink };

/** What a session is made from. */
export interface TorrentSessionOptions {
  readonly context: ClientContext;
  readonly origin: Origin;
  readonly add: AddOptions;
  /** Opens the store once the metadata of a link is known. */
  readonly openStore: (metainfo: Metainfo) => Promise<PieceStore>;
  /** Makes sure that a link did not turn out to be another torrent that is here. @throws {StateError} If it did. */
  readonly refuse: (metainfo: Metainfo) => void;
}

/** What a user gives, as a torrent or a link. @throws {DecodeError} If the bytes are no torrent, the text is no link. */
export async function readSource(source: TorrentSource): Promise<Metainfo | MagnetLink> {
  if (source instanceof Uint8Array) return await readMetainfo(source);
  if (typeof source === "string") return parseMagnet(source);
  return "info" in source ? withOwnLayers(source) : source;
}

/** Whether a link has a public key in place of an info hash (BEP 46). */
export function isKeyAlone(torrent: Metainfo | MagnetLink): torrent is MagnetLink {
  return "publicKey" in torrent && !torrent.infoHashV1 && !torrent.infoHashV2;
}
