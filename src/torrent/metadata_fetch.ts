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

/** A connected peer. */
interface Peer extends Contributor {
  readonly address: PeerAddress;
  readonly direction: "outgoing" | "incoming";
  size: number | undefined;
  outstanding: number;
  /** Not asked before this time. */
  askAt: number;
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
    if (peer.size !== size) this.#release(peer);
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
    const assembly = this.#attempts.of(peer);
    if (message.type === "metadataReject") {
      assembly?.release(key, message.piece);
      peer.outstanding = Math.max(0, peer.outstanding - 1);
      peer.askAt = this.#now + BACK_OFF_MS;
      return;
    }
    if (peer.outstanding > 0) peer.outstanding--; // else it is late: the block is asked of somebody else by now
    if (message.totalSize === peer.size && assembly?.put(message.piece, message.block, key)) this.#verify();
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
