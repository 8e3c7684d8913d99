/** What a peer's extension messages tell the torrent machine about it. */

import type { PeerKey, TorrentInput } from "../torrent/vocabulary.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";

/** The input that says what a message says; `undefined` if the machine decides nothing by it. */
export function factsOf(peer: PeerKey, message: ExtensionMessage): TorrentInput | undefined {
  switch (message.type) {
    case "extensionHandshake": {
      const { requestQueue, uploadOnly, listenPort } = message;
      return {
        type: "peerCapabilities",
        peer,
        ...(requestQueue !== undefined && { requestQueue }),
        ...(uploadOnly !== undefined && { uploadOnly }),
        ...(listenPort !== undefined && { listenPort }),
      };
    }
    case "uploadOnly":
      return { type: "peerCapabilities", peer, uploadOnly: message.uploadOnly };
    case "dontHave":
      return { type: "peerDontHave", peer, piece: message.piece };
  }
}
