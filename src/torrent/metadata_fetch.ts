/**
 * Fetches the info dictionary of a magnet link from peers (BEP 9): the first life of a torrent.
 * Phases: fetching -> verifying -> fetching (wrong) or done.
 *
 * Peers that claim the same size contribute to one assembly. If its hash is wrong and one peer sent it all, that one is
 * banned; if several did, each is asked for the whole by itself, and whoever's own copy is wrong is banned.
 */

import type { Random } from "../bytes/random.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { MetadataMessage } from "../wire/messages/metadata.ts";
import { Candidates } from "./candidates.ts";
import { MetadataAssembly } from "./metadata_assembly.ts";
import type { CandidateSource, PeerKey } from "./vocabulary.ts";

/** What happened in the world. */
export type MetadataFetchInput =
  /** A connection stands. */
  | {
    readonly type: "peerConnected";
    readonly peer: PeerKey;
    readonly address: PeerAddress;
    readonly direction: "outgoing" | "incoming";
  }
  /** The peer's extension handshake: it understands `ut_metadata`, and how long its metadata is, if it has it. */
  | { readonly type: "metadataOffered"; readonly peer: PeerKey; readonly size: number | undefined }
  /** Views inside `message` are valid during the call only. */
  | { readonly type: "metadataMessage"; readonly peer: PeerKey; readonly message: MetadataMessage }
  | { readonly type: "peerClosed"; readonly peer: PeerKey }
  /** A dial came to nothing; if our own peer id answered, the address is never dialled again. */
  | { readonly type: "dialFailed"; readonly address: PeerAddress; readonly isOurselves?: boolean }
  | {
    readonly type: "candidates";
    readonly source: CandidateSource;
    readonly addresses: readonly PeerAddress[];
  }
  /** The address under which peers of its family see us became known or changed; it orders the dials (BEP 40). */
  | { readonly type: "ourAddress"; readonly address: PeerAddress }
  /** The answer to a `verify` effect: whether the bytes hash to what the magnet link says. */
  | { readonly type: "verified"; readonly isValid: boolean }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** Why the machine ends a connection. */
export type MetadataCloseReason = "banned" | "too many peers" | "metadata of a size out of range";

/** What the world must do now, in this order. */
export type MetadataFetchEffect =
  | { readonly type: "send"; readonly peer: PeerKey; readonly message: MetadataMessage }
  | { readonly type: "dial"; readonly address: PeerAddress }
  | { readonly type: "close"; readonly peer: PeerKey; readonly reason: MetadataCloseReason }
  /** A peer sent metadata that is not the link's: never talk to this host again. */
  | { readonly type: "ban"; readonly host: string; readonly reason: string }
  /** Hash these bytes and say `verified`. */
  | { readonly type: "verify"; readonly bytes: Uint8Array }
  /** These bytes are the info dictionary. The machine answers `[]` from now on. */
  | { readonly type: "done"; readonly rawInfo: Uint8Array };

/** What a fetch needs from outside. */
export interface MetadataFetchOptions {
  /** Spreads dials and requests. */
  readonly random: Random;
  /** Bytes of the longest metadata that is fetched; 32 MiB by default. */
  readonly maxSize?: number;
  /** Most connections; 40 by default. */
  readonly maxPeers?: number;
}

/** The info dictionary of a torrent of 1.5 million pieces. rain and libtorrent stop at 30 MiB. */
const MAX_SIZE = 32 * 1024 * 1024;

/** Enough to find one that has the metadata. */
const MAX_PEERS = 40;

/** Dials under way at once. */
const MAX_HALF_OPEN = 20;

/**
 * Requests outstanding at one peer. rTorrent 0.9.8 leaves a second one that came along with the first in its buffer until
 * more bytes come, which may be never; libtorrent, too, waits for the answer.
 */
const PIPELINE = 1;

/** Without an answer for so long, the block is asked of somebody else. */
const REQUEST_TIMEOUT_MS = 10_000;

/** How long a peer is left alone that rejected a request or did not answer: libtorrent's minute. */
const BACK_OFF_MS = 60_000;

/** A connected peer. */
interface Peer {
  readonly key: PeerKey;
  readonly address: PeerAddress;
  readonly direction: "outgoing" | "incoming";
  /** Length of its metadata; `undefined` while it has none. */
  size: number | undefined;
  outstanding: number;
  /** Not asked before this time. */
  askAt: number;
  /** It contributed to a wrong copy along with others: it is asked for the whole by itself. */
  isSuspect: boolean;
}

/** Gets an info dictionary from whoever has it. */
export class MetadataFetch {
  readonly #options: Required<MetadataFetchOptions>;
  readonly #candidates: Candidates;
  readonly #peers = new Map<PeerKey, Peer>();
  #assemblies: MetadataAssembly[] = [];
  #verifying: MetadataAssembly | undefined;
  #isDone = false;
  #effects: MetadataFetchEffect[] = [];
  #now = 0;

  /** Starts without peers. */
  constructor(options: MetadataFetchOptions) {
    this.#options = { maxSize: MAX_SIZE, maxPeers: MAX_PEERS, ...options };
    this.#candidates = new Candidates(options.random, undefined);
  }

  /** Blocks received and in all of the attempt that is furthest; for display. */
  progress(): { readonly received: number; readonly blockCount: number; readonly peers: number } {
    const best = this.#assemblies.reduce<MetadataAssembly | undefined>(
      (best, one) => best === undefined || one.received > best.received ? one : best,
      this.#verifying,
    );
    return { received: best?.received ?? 0, blockCount: best?.blockCount ?? 0, peers: this.#peers.size };
  }

  /** Takes one input and answers with what must be done now. Never throws on what peers send. */
  handle(input: MetadataFetchInput, now: number): readonly MetadataFetchEffect[] {
    if (this.#isDone) return [];
    this.#now = now;
    this.#dispatch(input);
    if (!this.#isDone) {
      this.#ask();
      this.#dial();
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** When to call `handle({ type: "tick" }, now)` at the latest; `undefined` while nothing is due. */
  deadline(): number | undefined {
    if (this.#isDone) return undefined;
    const times = this.#assemblies.flatMap((one) => one.oldestRequest() ?? []).map((at) =>
      at + REQUEST_TIMEOUT_MS
    );
    for (const { askAt, size } of this.#peers.values()) {
      if (size !== undefined && askAt > this.#now) times.push(askAt);
    }
    if (this.#mayDial() && this.#candidates.dueAt !== undefined) times.push(this.#candidates.dueAt);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  #dispatch(input: MetadataFetchInput): void {
    switch (input.type) {
      case "peerConnected":
        return this.#onConnected(input);
      case "metadataOffered":
        return this.#onOffered(input.peer, input.size);
      case "metadataMessage":
        return this.#onMessage(input.peer, input.message);
      case "peerClosed":
        return this.#forget(input.peer);
      case "dialFailed":
        return input.isOurselves
          ? this.#candidates.isOurselves(input.address)
          : this.#candidates.failed(input.address, this.#now);
      case "candidates":
        return this.#candidates.add(input.source, input.addresses, this.#now);
      case "ourAddress":
        return this.#candidates.setOurs(input.address);
      case "verified":
        return this.#onVerified(input.isValid);
      case "tick":
        return this.#onTick();
    }
  }

  #onConnected(
    { peer: key, address, direction }: Extract<MetadataFetchInput, { type: "peerConnected" }>,
  ): void {
    if (direction === "outgoing") this.#candidates.connected(address, this.#now);
    const peer: Peer = {
      key,
      address,
      direction,
      size: undefined,
      outstanding: 0,
      askAt: this.#now,
      isSuspect: false,
    };
    this.#peers.set(key, peer);
    if (this.#candidates.isBanned(address.host)) this.#close(peer, "banned");
    else if (this.#peers.size > this.#options.maxPeers) this.#close(peer, "too many peers");
  }

  #onOffered(key: PeerKey, size: number | undefined): void {
    const peer = this.#peers.get(key);
    if (peer === undefined || size === undefined) return;
    // Capped before anything is made of it (BEP 9 "metadata": the size is the peer's word).
    if (size > this.#options.maxSize) return this.#close(peer, "metadata of a size out of range");
    if (peer.size !== size) this.#releaseAll(peer);
    peer.size = size;
  }

  #onMessage(key: PeerKey, message: MetadataMessage): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    if (message.type === "metadataRequest") {
      return void this.#effects.push({
        type: "send",
        peer: key,
        message: { type: "metadataReject", piece: message.piece },
      });
    }
    const assembly = this.#assemblyOf(peer);
    if (message.type === "metadataReject") {
      assembly?.release(key, message.piece);
      peer.outstanding = Math.max(0, peer.outstanding - 1);
      peer.askAt = this.#now + BACK_OFF_MS;
      return;
    }
    if (peer.outstanding > 0) peer.outstanding--; // else it is late: the block is asked of somebody else by now
    if (message.totalSize !== peer.size || !assembly?.put(message.piece, message.block, key)) return;
    if (assembly.isWhole && this.#verifying === undefined) this.#verify(assembly);
  }

  #verify(assembly: MetadataAssembly): void {
    this.#verifying = assembly;
    this.#assemblies = this.#assemblies.filter((one) => one !== assembly);
    this.#effects.push({ type: "verify", bytes: assembly.join() });
  }

  #onVerified(isValid: boolean): void {
    const assembly = this.#verifying;
    this.#verifying = undefined;
    if (assembly === undefined) return;
    if (isValid) {
      this.#isDone = true;
      this.#effects.push({ type: "done", rawInfo: assembly.join() });
      return;
    }
    const senders = assembly.senders();
    for (const key of senders) {
      const peer = this.#peers.get(key);
      if (peer === undefined) continue;
      if (senders.length === 1) this.#ban(peer);
      else peer.isSuspect = true;
    }
    const next = this.#assemblies.find((one) => one.isWhole);
    if (next !== undefined) this.#verify(next);
  }

  #onTick(): void {
    for (const assembly of this.#assemblies) {
      for (const key of assembly.late(this.#now - REQUEST_TIMEOUT_MS)) {
        const peer = this.#peers.get(key);
        if (peer === undefined) continue;
        this.#releaseAll(peer);
        peer.askAt = this.#now + BACK_OFF_MS;
      }
    }
  }

  /** Fills the pipelines of all peers that have what is missing. */
  #ask(): void {
    if (this.#verifying !== undefined) return;
    for (const peer of this.#peers.values()) {
      while (peer.size !== undefined && peer.outstanding < PIPELINE && peer.askAt <= this.#now) {
        const piece = this.#assemblyFor(peer).take(peer.key, this.#now);
        if (piece === undefined) break;
        peer.outstanding++;
        this.#effects.push({ type: "send", peer: peer.key, message: { type: "metadataRequest", piece } });
      }
    }
  }

  #assemblyOf({ key, size, isSuspect }: Peer): MetadataAssembly | undefined {
    return this.#assemblies.find((one) => one.size === size && one.only === (isSuspect ? key : undefined));
  }

  #assemblyFor(peer: Peer): MetadataAssembly {
    let assembly = this.#assemblyOf(peer);
    if (assembly === undefined) {
      assembly = new MetadataAssembly(peer.size!, peer.isSuspect ? peer.key : undefined);
      this.#assemblies.push(assembly);
    }
    return assembly;
  }

  #releaseAll(peer: Peer): void {
    for (const assembly of this.#assemblies) assembly.release(peer.key);
    peer.outstanding = 0;
  }

  #ban({ address: { host } }: Peer): void {
    this.#candidates.ban(host);
    this.#effects.push({ type: "ban", host, reason: "sent metadata that is not the link's" });
    for (const peer of [...this.#peers.values()]) if (peer.address.host === host) this.#close(peer, "banned");
  }

  #close(peer: Peer, reason: MetadataCloseReason): void {
    this.#effects.push({ type: "close", peer: peer.key, reason });
    this.#forget(peer.key);
  }

  #forget(key: PeerKey): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#releaseAll(peer);
    this.#peers.delete(key);
    // An attempt that nobody goes on with is dropped, so that peers that come and go cannot fill the memory.
    this.#assemblies = this.#assemblies.filter((one) => this.#isWorkedOn(one));
    if (peer.direction === "outgoing") {
      const { size } = peer, { address } = peer;
      this.#candidates.disconnected(address, {
        now: this.#now,
        useful: size !== undefined,
        uploadOnly: false,
        blameless: false,
      });
    }
  }

  #isWorkedOn(assembly: MetadataAssembly): boolean {
    return [...this.#peers.values()].some((peer) => this.#assemblyOf(peer) === assembly);
  }

  #mayDial(): boolean {
    const { dialling } = this.#candidates;
    return dialling < MAX_HALF_OPEN && dialling + this.#peers.size < this.#options.maxPeers;
  }

  #dial(): void {
    while (this.#mayDial() && this.#candidates.dueAt !== undefined && this.#candidates.dueAt <= this.#now) {
      const address = this.#candidates.next({ now: this.#now, skipUploadOnly: false });
      if (address === undefined) return;
      this.#effects.push({ type: "dial", address });
    }
  }
}
