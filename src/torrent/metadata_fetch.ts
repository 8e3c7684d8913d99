/**
 * Fetches the info dictionary of a magnet link from peers (BEP 9): the first life of a torrent.
 * Phases: fetching -> verifying -> fetching (wrong) or done.
 */

import type { Random } from "../bytes/random.ts";
import type { PeerAddress } from "../peer/address.ts";
import type { MetadataMessage } from "../wire/messages/metadata.ts";
import { Candidates } from "./candidates.ts";
import { type Contributor, MetadataAttempts } from "./metadata_attempts.ts";
import type { MetadataCloseReason, MetadataFetchEffect, MetadataFetchInput } from "./metadata_vocabulary.ts";
import type { PeerKey } from "./vocabulary.ts";

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

/** After so long without metadata, or without a block of it, a peer makes way for another one if all places are taken. */
const PATIENCE_MS = 60_000;

/** A connected peer. */
interface Peer extends Contributor {
  readonly address: PeerAddress;
  readonly direction: "outgoing" | "incoming";
  size: number | undefined;
  outstanding: number;
  /** Not asked before this time. */
  askAt: number;
  /** When it came, or sent a block. */
  usefulAt: number;
  isSuspect: boolean;
}

/** Gets an info dictionary from whoever has it. */
export class MetadataFetch {
  readonly #options: Required<MetadataFetchOptions>;
  readonly #candidates: Candidates;
  readonly #peers = new Map<PeerKey, Peer>();
  readonly #attempts = new MetadataAttempts();
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
    return { ...this.#attempts.progress(), peers: this.#peers.size };
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
    const oldest = this.#attempts.oldestRequest();
    const times = oldest === undefined ? [] : [oldest + REQUEST_TIMEOUT_MS];
    for (const { askAt, size } of this.#peers.values()) {
      if (size !== undefined && askAt > this.#now) times.push(askAt);
    }
    const dialAt = this.#dialAt();
    if (dialAt !== undefined) times.push(dialAt);
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
      usefulAt: this.#now,
      isSuspect: false,
    };
    this.#peers.set(key, peer);
    if (this.#candidates.isBanned(address.host)) this.#close(peer, "banned");
    else if (this.#peers.size > this.#options.maxPeers && !this.#makePlace()) {
      this.#close(peer, "too many peers");
    }
  }

  #onOffered(key: PeerKey, size: number | undefined): void {
    const peer = this.#peers.get(key);
    if (peer === undefined || size === undefined) return;
    // Capped before anything is made of it (BEP 9 "metadata": the size is the peer's word).
    if (size > this.#options.maxSize) return this.#close(peer, "metadata of a size out of range");
    if (peer.size !== undefined && peer.size !== size) {
      return this.#close(peer, "metadata of another size than before");
    }
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
    if (message.type === "metadataReject") {
      this.#attempts.of(peer)?.release(key, message.piece);
      peer.outstanding = Math.max(0, peer.outstanding - 1);
      peer.askAt = this.#now + BACK_OFF_MS;
      return;
    }
    if (peer.outstanding > 0) peer.outstanding--; // else it is late: the block is asked of somebody else by now
    if (message.totalSize !== peer.size || !this.#attempts.put(peer, message.piece, message.block)) return;
    peer.usefulAt = this.#now;
    this.#verify();
  }

  #verify(): void {
    const bytes = this.#attempts.verify();
    if (bytes !== undefined) this.#effects.push({ type: "verify", bytes });
  }

  #onVerified(isValid: boolean): void {
    const assembly = this.#attempts.settle();
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
    this.#verify();
  }

  #onTick(): void {
    for (const key of this.#attempts.late(this.#now - REQUEST_TIMEOUT_MS)) {
      const peer = this.#peers.get(key);
      if (peer === undefined) continue;
      this.#release(peer);
      peer.askAt = this.#now + BACK_OFF_MS;
    }
  }

  /** Fills the pipelines of all peers that have what is missing. */
  #ask(): void {
    if (this.#attempts.verifying !== undefined) return;
    for (const peer of this.#peers.values()) {
      const { size } = peer;
      while (size !== undefined && peer.outstanding < PIPELINE && peer.askAt <= this.#now) {
        const piece = this.#attempts.take({ ...peer, size }, this.#now);
        if (piece === undefined) break;
        peer.outstanding++;
        this.#effects.push({ type: "send", peer: peer.key, message: { type: "metadataRequest", piece } });
      }
    }
  }

  #release(peer: Peer): void {
    this.#attempts.release(peer.key);
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
    this.#release(peer);
    this.#peers.delete(key);
    this.#attempts.keepOnly([...this.#peers.values()]);
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

  /** When somebody may be dialled: when there is an address, and a place or somebody who makes way. */
  #dialAt(): number | undefined {
    const { dialling, dueAt } = this.#candidates;
    if (dueAt === undefined || dialling >= MAX_HALF_OPEN) return undefined;
    if (dialling + this.#peers.size < this.#options.maxPeers) return dueAt;
    const useless = this.#leastUseful();
    return useless && Math.max(dueAt, useless.usefulAt + PATIENCE_MS);
  }

  #dial(): void {
    for (let at = this.#dialAt(); at !== undefined && at <= this.#now; at = this.#dialAt()) {
      const isFull = this.#candidates.dialling + this.#peers.size >= this.#options.maxPeers;
      const address = this.#candidates.next({ now: this.#now, skipUploadOnly: false });
      if (address === undefined) return;
      if (isFull) this.#makePlace();
      this.#effects.push({ type: "dial", address });
    }
  }

  /** Parts from who was of no use for long, if there is such a peer. */
  #makePlace(): boolean {
    const useless = this.#leastUseful();
    if (useless === undefined || useless.usefulAt + PATIENCE_MS > this.#now) return false;
    this.#close(useless, "has no metadata");
    return true;
  }

  #leastUseful(): Peer | undefined {
    let least: Peer | undefined;
    for (const peer of this.#peers.values()) if (!least || peer.usefulAt < least.usefulAt) least = peer;
    return least;
  }
}
