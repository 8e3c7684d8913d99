/** A magnet link at work: joins the metadata machine with sockets until the info dictionary is here (BEP 9). */

import { sha1, sha256 } from "../bytes/digest.ts";
import { equals } from "@std/bytes/equals";
import { WakeTimer } from "../io/wake_timer.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import { MetadataFetch } from "../torrent/metadata_fetch.ts";
import type { MetadataFetchEffect, MetadataFetchInput } from "../torrent/metadata_vocabulary.ts";
import type { CandidateSource, PeerKey } from "../torrent/vocabulary.ts";
import type { ExtensionMessage } from "../wire/extensions.ts";
import type { ClientContext } from "./client_context.ts";
import type { TorrentFacts } from "./handshake_offer.ts";
import type { Hunt } from "./hunt.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { PeerDesk } from "./peer_desk.ts";
import type { PeerHost } from "./peer_host.ts";
import type { Opening, PeerSocket } from "./peer_socket.ts";

/** What a hunt needs. */
export interface MetadataHuntOptions {
  readonly context: ClientContext;
  readonly life: Lifecycle;
  readonly desk: PeerDesk;
  /** Says which hashes the metadata must have. */
  readonly magnet: MagnetLink;
}

/** Fetches the info dictionary of a magnet link. */
export class MetadataHunt implements Hunt, PeerHost {
  readonly #options: MetadataHuntOptions;
  readonly #machine: MetadataFetch;
  readonly #sockets = new Map<PeerKey, PeerSocket>();
  readonly #found = Promise.withResolvers<Uint8Array>();
  readonly #timer: WakeTimer;
  #isClosed = false;

  /** Asks nobody before peers are known. */
  constructor(options: MetadataHuntOptions) {
    this.#options = options;
    this.#machine = new MetadataFetch({ random: options.context.random });
    this.#timer = new WakeTimer({
      clock: options.context.clock,
      machine: this.#machine,
      onDue: () => this.#tell({ type: "tick" }),
    });
    const { signal } = options.life, abort = () => this.#found.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#found.promise.catch(() => {}).finally(() => signal.removeEventListener("abort", abort));
  }

  /** The raw info dictionary, once it is here. @throws Why the torrent was closed before. */
  get found(): Promise<Uint8Array> {
    return this.#found.promise;
  }

  /** Blocks of the metadata that are here, and in all; 0 while no peer has told how many. */
  get progress(): { readonly received: number; readonly blockCount: number } {
    return this.#machine.progress();
  }

  /** What handshakes say: nothing is known. */
  get facts(): TorrentFacts {
    return {};
  }

  /** How many peers are connected. */
  get peers(): number {
    return this.#sockets.size;
  }

  /** Gives the machine addresses of peers. */
  addPeers(source: CandidateSource, addresses: readonly PeerAddress[]): void {
    this.#tell({ type: "candidates", source, addresses });
  }

  /** Introduces a peer to the machine; one without extensions has nothing to offer. */
  adopt(socket: PeerSocket, { extended }: Opening): void {
    if (!extended) return this.#options.desk.dismiss(socket, "does not speak the extension protocol");
    this.#sockets.set(socket.key, socket);
    this.#tell({
      type: "peerConnected",
      peer: socket.key,
      address: socket.address,
      direction: socket.direction,
    });
  }

  /** Messages about pieces wait in the connection until the metadata is known. */
  messages(): void {}

  /** Hands extension messages to the machine. */
  extension({ key: peer }: PeerSocket, message: ExtensionMessage): void {
    switch (message.type) {
      case "extensionHandshake":
        return this.#tell({ type: "metadataOffered", peer, size: message.metadataSize });
      case "metadataRequest":
      case "metadataData":
      case "metadataReject":
        return this.#tell({ type: "metadataMessage", peer, message });
    }
  }

  /** Tells the machine that a peer is gone. */
  lost({ key: peer }: PeerSocket): void {
    if (this.#sockets.delete(peer)) this.#tell({ type: "peerClosed", peer });
  }

  /** Tells the machine that a dial came to nothing. */
  dialFailed(address: PeerAddress, isOurselves: boolean = false): void {
    this.#tell({ type: "dialFailed", address, isOurselves });
  }

  /** An address under which peers see us: it orders the dials (BEP 40). */
  setOurAddress(address: PeerAddress): void {
    this.#tell({ type: "ourAddress", address });
  }

  /** Stops; connections are the desk's matter. */
  close(): void {
    this.#isClosed = true;
    this.#timer.close();
    this.#sockets.clear();
  }

  #tell(input: MetadataFetchInput): void {
    const { context: { clock }, life } = this.#options;
    if (this.#isClosed || life.signal.aborted) return;
    for (const effect of this.#machine.handle(input, clock.now())) this.#perform(effect);
    this.#timer.update();
  }

  #perform(effect: MetadataFetchEffect): void {
    const { desk, life } = this.#options;
    switch (effect.type) {
      case "send":
        return this.#sockets.get(effect.peer)?.tell({ type: "sendExtension", message: effect.message });
      case "dial":
        return void desk.dial(effect.address);
      case "close":
        return this.#dismiss(effect.peer, effect.reason);
      case "ban":
        return life.ban(effect.host, effect.reason);
      case "verify":
        return void this.#verify(effect.bytes);
      case "done":
        return this.#found.resolve(effect.rawInfo);
    }
  }

  #dismiss(peer: PeerKey, reason: string): void {
    const socket = this.#sockets.get(peer);
    this.#sockets.delete(peer);
    if (socket) this.#options.desk.dismiss(socket, reason);
  }

  /**
   * Checks against every hash that the link gives: a hybrid's metadata must have both (BEP 52 "upgrade path"). What stands
   * for v1 may be the v2 info hash cut: the DHT tells 20 bytes, of whatever version (BEP 46, 51).
   */
  async #verify(bytes: Uint8Array): Promise<void> {
    const { infoHashV1, infoHashV2 } = this.#options.magnet, v2 = await sha256(bytes);
    const isName = infoHashV1 === undefined || equals(await sha1(bytes), infoHashV1) ||
      equals(v2.subarray(0, infoHashV1.length), infoHashV1);
    this.#tell({ type: "verified", isValid: isName && (infoHashV2 === undefined || equals(v2, infoHashV2)) });
  }
}
