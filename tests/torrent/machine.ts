/** One torrent machine with scripted peers: what tests say to it, and what must always hold of its state. */

import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../src/bytes/bitfield.ts";
import { handleInput, nextDeadline } from "../../src/torrent/on_input.ts";
import { type PieceGeometry, type TorrentOptions, uniformGeometry } from "../../src/torrent/options.ts";
import type { OpenPiece } from "../../src/torrent/open_piece.ts";
import type { Peer } from "../../src/torrent/peer.ts";
import { createState, type TorrentState } from "../../src/torrent/state.ts";
import type { PeerKey, TorrentEffect, TorrentInput } from "../../src/torrent/vocabulary.ts";
import type { Claim } from "../../src/torrent/web_seeds.ts";
import type { PeerMessage } from "../../src/wire/messages/message.ts";
import { RubbishBuffers, seededRandom } from "./swarm.ts";

export const BLOCK = 16384;
export const OUR_ID: Uint8Array = new Uint8Array(20).fill(0x80);

export interface MachineOptions extends Partial<Omit<TorrentOptions, "have" | "geometry">> {
  readonly geometry?: PieceGeometry;
  readonly have?: readonly number[] | "all";
  readonly seed?: number;
}

export interface ConnectOptions {
  readonly fast?: boolean;
  readonly direction?: "outgoing" | "incoming";
  readonly host?: string;
  readonly port?: number;
  readonly id?: number;
  readonly allowedFast?: readonly number[];
  readonly v2?: boolean;
}

export class Machine {
  readonly buffers: RubbishBuffers = new RubbishBuffers();
  readonly state: TorrentState;
  now = 1000;
  #nextKey = 1;

  constructor(options: MachineOptions = {}) {
    const geometry = options.geometry ?? uniformGeometry(8 * 4 * BLOCK, 4 * BLOCK);
    const have = new Bitfield(geometry.pieceCount);
    if (options.have === "all") have.fill();
    else for (const piece of options.have ?? []) have.set(piece);
    const random = seededRandom(options.seed ?? 1);
    this.state = createState(
      { peerId: OUR_ID, random, buffers: this.buffers, ...options, geometry, have },
      this.now,
    );
  }

  input(input: TorrentInput): readonly TorrentEffect[] {
    return handleInput(this.state, input, this.now);
  }

  /** Lets time pass, with every tick that falls due. */
  wait(ms: number): TorrentEffect[] {
    const end = this.now + ms;
    const effects: TorrentEffect[] = [];
    for (let at = nextDeadline(this.state); at !== undefined && at <= end; at = nextDeadline(this.state)) {
      this.now = Math.max(this.now, at);
      effects.push(...this.input({ type: "tick" }));
    }
    this.now = end;
    return effects;
  }

  connect(options: ConnectOptions = {}): PeerKey {
    return this.connectWith(options).peer;
  }

  connectWith(options: ConnectOptions = {}): { peer: PeerKey; effects: readonly TorrentEffect[] } {
    const peer = this.#nextKey++;
    const effects = this.input({
      type: "peerConnected",
      peer,
      address: { host: options.host ?? `10.0.0.${peer}`, port: options.port ?? 6881 },
      direction: options.direction ?? "outgoing",
      peerId: new Uint8Array(20).fill(options.id ?? peer),
      fast: options.fast ?? true,
      extended: true,
      allowedFast: options.allowedFast ?? [],
      v2: options.v2 ?? false,
    });
    return { peer, effects };
  }

  /** Connects a peer that has everything, does not choke us, and takes `depth` requests. */
  connectSeed(options: ConnectOptions & { readonly depth?: number } = {}): PeerKey {
    const peer = this.connect(options);
    if (options.depth !== undefined) {
      this.input({ type: "peerCapabilities", peer, requestQueue: options.depth });
    }
    if (options.fast ?? true) this.message(peer, { type: "haveAll" });
    else this.message(peer, { type: "bitfield", bits: Bitfield.full(this.pieceCount).toBytes() });
    return peer;
  }

  message(peer: PeerKey, message: PeerMessage): readonly TorrentEffect[] {
    return this.input({ type: "peerMessage", peer, message });
  }

  messages(peer: PeerKey, ...messages: PeerMessage[]): readonly TorrentEffect[] {
    return this.input({ type: "peerMessages", peer, messages });
  }

  /** The answer of `peer` to a request, made of `fill` bytes. */
  block(
    peer: PeerKey,
    range: { piece: number; begin: number; length: number },
    fill = 7,
  ): readonly TorrentEffect[] {
    const block = new Uint8Array(range.length).fill(fill);
    return this.message(peer, { type: "piece", piece: range.piece, begin: range.begin, block });
  }

  get pieceCount(): number {
    return this.state.setup.geometry.pieceCount;
  }

  peer(key: PeerKey): Peer {
    const peer = this.state.peers.get(key);
    assert(peer !== undefined, `peer ${key} is gone`);
    return peer;
  }

  isConnected(key: PeerKey): boolean {
    return this.state.peers.get(key) !== undefined;
  }
}

/** The messages of one type to one peer, or to any. */
export function sentIn<T extends PeerMessage["type"]>(
  effects: readonly TorrentEffect[],
  type: T,
  peer?: PeerKey,
): Extract<PeerMessage, { type: T }>[] {
  return effects.flatMap((effect) =>
    effect.type === "send" && effect.message.type === type && (peer === undefined || effect.peer === peer)
      ? [effect.message as Extract<PeerMessage, { type: T }>]
      : []
  );
}

/** The reasons of the closes among the effects. */
export function closedIn(effects: readonly TorrentEffect[]): string[] {
  return effects.flatMap((effect) => effect.type === "close" ? [effect.reason] : []);
}

/** What must hold between any two calls. */
export function checkInvariants(machine: Machine): void {
  const { state, buffers } = machine;
  assertEquals(buffers.lent, state.downloads.size, "buffers lent");
  checkPieces(machine);
  checkOpenPieces(state);
  for (const peer of state.peers.all()) checkPeer(state, peer);
}

function checkPieces({ state, pieceCount }: Machine): void {
  const { ledger, availability, downloads, peers, setup } = state;
  let left = 0;
  let reachable = 0;
  for (let piece = 0; piece < pieceCount; piece++) {
    if (!ledger.have.has(piece)) left += setup.geometry.pieceSize(piece);
    const isMissing = ledger.level(piece) > 0 && !ledger.have.has(piece);
    assertEquals(ledger.missing.has(piece), isMissing, `piece ${piece} missing`);
    const isFresh = isMissing && downloads.get(piece) === undefined && !state.hashes.gated.has(piece);
    assertEquals(availability.fresh.has(piece), isFresh, `piece ${piece} fresh`);
    const holders = [...peers.all()].filter((peer) => peer.content.have.has(piece)).length;
    assertEquals(availability.of(piece), holders, `availability of ${piece}`);
    if (isFresh && holders > 0) reachable++;
  }
  assertEquals(ledger.left, left, "left");
  assertEquals(availability.reachable, reachable, "reachable");
}

function checkOpenPieces(state: TorrentState): void {
  const { downloads, peers } = state;
  let outstanding = 0;
  let storing = 0;
  for (const open of downloads.all()) {
    let free = 0;
    let missing = 0;
    for (let block = 0; block < open.blockCount; block++) {
      const key = downloads.keyOf(open.piece, block);
      const ofPeers = [...peers.all()].filter((peer) => peer.down.requests.has(key)).length;
      const requests = ofPeers + webRequestsOf(state, open, block);
      assertEquals(open.requestsOf(block), requests, `requests of ${open.piece}/${block}`);
      outstanding += requests;
      if (open.hasBlock(block)) {
        assertEquals(ofPeers, 0, `requests of received block ${open.piece}/${block}`);
      } else missing++;
      if (!open.hasBlock(block) && requests === 0) free++;
    }
    assertEquals(open.free, free, `free blocks of ${open.piece}`);
    assertEquals(open.missing, missing, `missing blocks of ${open.piece}`);
    assertEquals(downloads.withFree.has(open), free > 0, `piece ${open.piece} with free blocks`);
    if (open.isStoring) storing++;
  }
  outstanding += webRequestsInVain(state);
  assertEquals(downloads.outstanding, outstanding, "outstanding");
  assertEquals(downloads.storing, storing, "storing");
  const sum = [...peers.all()].reduce((total, peer) => total + peer.down.requests.size, 0);
  const web = remainingClaims(state).reduce((total, { from, to }) => total + to - from, 0);
  assertEquals(sum + web, outstanding, "requests of closed pieces");
}

/** What web seeds still owe. */
function remainingClaims({ downloads }: TorrentState): Claim[] {
  return downloads.webSeeds.fetches().flatMap(({ claims, at, block }) =>
    claims.slice(at).map((claim, i) => i === 0 ? { ...claim, from: block } : claim)
  );
}

function webRequestsOf(state: TorrentState, open: OpenPiece, block: number): number {
  return remainingClaims(state).filter((claim) =>
    claim.open === open && claim.from <= block && block < claim.to
  ).length;
}

/** Blocks that web seeds owe of pieces that are closed. */
function webRequestsInVain(state: TorrentState): number {
  return remainingClaims(state).filter(({ open }) => state.downloads.get(open.piece) !== open)
    .reduce((total, { from, to }) => total + to - from, 0);
}

function checkPeer(state: TorrentState, peer: Peer): void {
  const { content, flags, down, up } = peer;
  assertEquals(content.wanted, content.have.countShared(state.ledger.missing), `wanted of ${peer.key}`);
  assertEquals(content.fresh, content.have.countShared(state.availability.fresh), `fresh of ${peer.key}`);
  assertEquals(flags.amInterested, content.wanted > 0, `interest in ${peer.key}`);
  assert(down.requests.size <= state.setup.limits.maxPipeline, "pipeline");
  assert(down.late.size <= 4000, "late");
  assert(down.allowedFast.size <= 64, "allowed fast");
  assert(down.suggested.length <= 8, "suggested");
  assert(up.queue.size + up.reading <= 16384, "queue");
  assert(up.readingBytes <= state.setup.limits.maxReadBytes + 128 * 1024, "reading");
  if (up.reading === 0) assertEquals(up.readingBytes, 0);
}
