/** What a peer's extension messages tell the torrent machine about it. */

import type { TorrentInput } from "../torrent/vocabulary.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { PeerSocket } from "./peer_socket.ts";

/** The input that says what a message says; `undefined` if the machine decides nothing by it. */
export function factsOf(socket: PeerSocket, message: ExtensionMessage): TorrentInput | undefined {
  const { key: peer } = socket;
  switch (message.type) {
    case "extensionHandshake": {
      const { requestQueue, uploadOnly, listenPort } = message;
      return {
        type: "peerCapabilities",
        peer,
        dontHave: socket.understands("lt_donthave"),
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
