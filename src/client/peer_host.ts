/** What a torrent at work, in either of its lives, is to its connections. */

import type { PeerAddress } from "../peer/address.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { BlockRange, PeerMessage } from "../wire/messages/message.ts";
import type { Opening, PeerSocket } from "./peer_socket.ts";

/** Takes connections over from the desk that opened them: while metadata is fetched, and while content moves. */
export interface PeerHost {
  /** Takes over a connection whose handshakes are exchanged. */
  adopt(socket: PeerSocket, opening: Opening): void;
  /** Messages came, as many as one read brought in a row; views inside them are valid during the call only. */
  messages(socket: PeerSocket, messages: readonly PeerMessage[]): void;
  /** An extension message came; views inside it are valid during the call only. */
  extension(socket: PeerSocket, message: ExtensionMessage): void;
  /** A connection ended by itself. */
  lost(socket: PeerSocket): void;
  /** A dial came to nothing, maybe because it was answered by ourselves. */
  dialFailed(address: PeerAddress, isOurselves?: boolean): void;
  /** Blocks have left, in one write. */
  blocksSent?(socket: PeerSocket, ranges: readonly BlockRange[]): void;
  /** A block could not be read. */
  readFailed?(socket: PeerSocket, range: BlockRange): void;
  /** Settles when peers may be read again; `undefined` if at once. */
  mayRead?(): Promise<void> | undefined;
}
