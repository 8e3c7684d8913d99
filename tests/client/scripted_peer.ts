/** A peer in the virtual network that says what a test tells it to, and remembers what it heard. */

import { PeerSocket } from "../../src/client/peer_socket.ts";
import type { PeerAddress } from "../../src/peer/address.ts";
import type { ExtensionMessage, ExtensionName } from "../../src/wire/extensions.ts";
import type { ExtensionHandshakeFields } from "../../src/wire/messages/extension.ts";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import { PORT, type VirtualSwarm } from "./virtual_swarm.ts";

/** What a scripted peer is. */
export interface ScriptedPeerOptions {
  readonly swarm: VirtualSwarm;
  readonly host: string;
  /** Whom it dials. */
  readonly to: string;
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
  readonly extensions?: readonly ExtensionName[];
  readonly handshake?: ExtensionHandshakeFields;
  /** The fast extension (BEP 6); true by default. */
  readonly fast?: boolean;
}

/** One connection, dialled and introduced. */
export class ScriptedPeer {
  readonly messages: PeerMessage[] = [];
  readonly extensions: ExtensionMessage[] = [];
  /** Why the connection ended, once it has. */
  closed: string | undefined;
  readonly #socket: PeerSocket;

  private constructor(socket: (peer: ScriptedPeer) => PeerSocket) {
    this.#socket = socket(this);
  }

  /** Dials, and waits until both handshakes are exchanged. */
  static async connect(options: ScriptedPeerOptions): Promise<ScriptedPeer> {
    const { swarm, host, to, infoHash, pieceCount } = options,
      address: PeerAddress = { host: to, port: PORT };
    const connection = (await swarm.clock.runUntil(swarm.network.host(host).dial(address)))!;
    const peerId = new Uint8Array(20).fill(Number(host.split(".").at(-1)));
    const peer = new ScriptedPeer((owner) =>
      new PeerSocket({
        connection,
        address,
        clock: swarm.clock,
        owner: {
          ended: (_, reason) => owner.closed = reason,
          opened: () => {},
          messages: (_, messages) => {
            owner.messages.push(...structuredClone(messages));
          },
          extension: (_, message) => {
            owner.extensions.push(structuredClone(message));
          },
        },
        machine: {
          direction: "outgoing",
          peerId,
          infoHash,
          pieceCount,
          features: { fast: options.fast ?? true },
          extensions: options.extensions ?? [],
          extensionHandshake: options.handshake ?? {},
        },
      })
    );
    void peer.#socket.run();
    await swarm.clock.advance(1000);
    return peer;
  }

  /** Says something; pieces in full, without a store. */
  say(...messages: PeerMessage[]): void {
    this.#socket.tell({ type: "sendAll", messages });
  }

  /** Says something in an extension. */
  extend(message: ExtensionMessage): void {
    this.#socket.tell({ type: "sendExtension", message });
  }

  /** The messages of one type that it heard. */
  heard<T extends PeerMessage["type"]>(type: T): Extract<PeerMessage, { type: T }>[] {
    return this.messages.filter((message): message is Extract<PeerMessage, { type: T }> =>
      message.type === type
    );
  }

  close(): void {
    this.#socket.close();
  }
}
