/** What a torrent in a client begins with. */

import type { PieceStore } from "../io/storage.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ClientContext } from "./client_context.ts";
import type { AddOptions } from "./options.ts";

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
