/**
 * Peer exchange of one torrent (BEP 11): tells peers about our connections and learns of theirs, in both lives of a
 * torrent. Each peer that understands `ut_pex` is `idle` (it knows everything) or `waiting` (for the time of its next
 * message). A private torrent must not have one (BEP 27).
 */

import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { type AddressFamily, addressFamily, isIpv6 } from "../peer/ip.ts";
import type { ExtensionHandshake } from "../wire/messages/extension.ts";
import { PEX_FLAGS, type PexMessage, type PexPeer } from "../wire/messages/pex.ts";
import type { RelayPeer } from "./holepunch_relay.ts";
import { PexHeard } from "./pex_heard.ts";
import { PexTold, type RecentPeer, UNDERPOPULATED } from "./pex_told.ts";
import type { Direction, PeerKey, TorrentCloseReason } from "./vocabulary.ts";

/** What happened in the world. */
export type PexInput =
  /** A connection stands and its handshakes are exchanged. */
  | {
    readonly type: "peerConnected";
    readonly peer: PeerKey;
    readonly address: PeerAddress;
    readonly direction: Direction;
    /** It runs over uTP; false if absent. */
    readonly utp?: boolean;
  }
  /** The peer's extension handshake, or a later one: whether it understands `ut_pex`, where it listens, what it can do. */
  | { readonly type: "handshake"; readonly peer: PeerKey; readonly handshake: ExtensionHandshake }
  /** The peer changed its mind about wanting anything (BEP 21). */
  | { readonly type: "uploadOnly"; readonly peer: PeerKey; readonly uploadOnly: boolean }
  /** A peer exchange message came in. */
  | { readonly type: "message"; readonly peer: PeerKey; readonly message: PexMessage }
  /** The connection is gone; `reason` is ours, if it was we who ended it. */
  | { readonly type: "peerClosed"; readonly peer: PeerKey; readonly reason?: string }
  /** An address under which peers see us. */
  | { readonly type: "ourAddress"; readonly address: PeerAddress }
  /** `deadline()` was reached. */
  | { readonly type: "tick" };

/** What the world must do now, in this order. */
export type PexEffect =
  | { readonly type: "send"; readonly peer: PeerKey; readonly message: PexMessage }
  /** Addresses that `peer` says it is connected to. */
  | { readonly type: "candidates"; readonly peer: PeerKey; readonly addresses: readonly PeerAddress[] }
  | { readonly type: "close"; readonly peer: PeerKey; readonly reason: "peer exchange flood" };

/**
 * Time between two messages to a peer. BEP 11 has one minute; five seconds more, so that jitter on the way never makes
 * them look too frequent to a strict receiver.
 */
const MESSAGE_EVERY_MS = 65_000;
/** Changes are gathered for so long before they are told: at the start of a torrent many connections come at once. */
const GATHER_MS = 5_000;
/** Who is due so soon is told now, too: the list of all connections is made once for many. */
const TOGETHER_MS = 1_000;

/** Our reasons to part from a peer that others may still want (BEP 11 "filling underpopulated lists"). */
const GOOD_PARTINGS: ReadonlySet<string> = new Set<TorrentCloseReason>([
  "both complete",
  "idle",
  "too many peers",
]);

interface Peer {
  readonly key: PeerKey;
  readonly address: PeerAddress;
  /** Where it listens, as far as it is known: nothing else is told to others. */
  listenAddress: PeerAddress | undefined;
  /** Bits of `PEX_FLAGS`. */
  flags: number;
  readonly heard: PexHeard;
  /** What it was told; `undefined` while it does not understand. */
  told: PexTold | undefined;
  sentAt: number;
  /** When it gets its next message; `undefined` while there is nothing new. */
  sendAt: number | undefined;
}

type InputOf<T extends PexInput["type"]> = Extract<PexInput, { type: T }>;

/** Exchanges addresses with the peers of one torrent. */
export class PexExchange {
  readonly #peers = new Map<PeerKey, Peer>();
  readonly #ours = new Map<AddressFamily, string>();
  #recent: RecentPeer[] = [];
  #parted = 0;

  /** Takes one input and answers with what must be done now. Never throws on what peers send. */
  handle(input: PexInput, now: number): readonly PexEffect[] {
    switch (input.type) {
      case "peerConnected":
        return this.#onConnected(input, now);
      case "handshake":
        return this.#onHandshake(input, now);
      case "uploadOnly":
        return this.#onUploadOnly(input);
      case "message":
        return this.#onMessage(input, now);
      case "peerClosed":
        return this.#onClosed(input, now);
      case "ourAddress":
        this.#ours.set(addressFamily(input.address.host), formatPeerAddress(input.address));
        return [];
      case "tick":
        return this.#tell(now);
    }
  }

  /** When to call `handle({ type: "tick" }, now)` at the latest; `undefined` while nothing is due. */
  deadline(): number | undefined {
    let deadline: number | undefined;
    for (const { sendAt } of this.#peers.values()) {
      if (sendAt !== undefined && (deadline === undefined || sendAt < deadline)) deadline = sendAt;
    }
    return deadline;
  }

  /**
   * Peers that understand `ut_holepunch` and say that they are connected to a peer at `address` which does, too: they can
   * bring us together (BEP 55).
   */
  relaysTo(address: PeerAddress): PeerKey[] {
    const able = [...this.#peers.values()].filter(({ flags }) => (flags & PEX_FLAGS.holepunch) !== 0);
    return able.filter(({ heard }) => heard.canIntroduce(address)).map(({ key }) => key);
  }

  /** Every connection as a relay must know it (BEP 55). */
  peers(): RelayPeer[] {
    return [...this.#peers.values()].map(({ key: peer, address, listenAddress, flags }) => ({
      peer,
      address,
      listenAddress,
      utp: (flags & PEX_FLAGS.utp) !== 0,
      holepunch: (flags & PEX_FLAGS.holepunch) !== 0,
    }));
  }

  #onConnected({ peer: key, address, direction, utp }: InputOf<"peerConnected">, now: number): PexEffect[] {
    const isOutgoing = direction === "outgoing";
    this.#peers.set(key, {
      key,
      address,
      listenAddress: isOutgoing ? address : undefined,
      flags: (isOutgoing ? PEX_FLAGS.reachable : 0) | (utp ? PEX_FLAGS.utp : 0),
      heard: new PexHeard(),
      told: undefined,
      sentAt: -Infinity,
      sendAt: undefined,
    });
    if (isOutgoing) this.#changed(now);
    return [];
  }

  #onHandshake({ peer: key, handshake }: InputOf<"handshake">, now: number): PexEffect[] {
    const peer = this.#peers.get(key);
    if (peer === undefined) return [];
    const { ids, listenPort, prefersEncryption, uploadOnly } = handshake;
    setFlag(peer, PEX_FLAGS.prefersEncryption, prefersEncryption);
    setFlag(peer, PEX_FLAGS.uploadOnly, uploadOnly);
    setFlag(peer, PEX_FLAGS.holepunch, isOn(ids?.get("ut_holepunch")));
    const understands = isOn(ids?.get("ut_pex"));
    if (understands !== undefined) peer.told = understands ? peer.told ?? new PexTold() : undefined;
    if (listenPort !== undefined && (peer.flags & PEX_FLAGS.reachable) === 0) {
      peer.listenAddress = { host: peer.address.host, port: listenPort };
    }
    this.#changed(now);
    return [];
  }

  #onUploadOnly({ peer: key, uploadOnly }: InputOf<"uploadOnly">): PexEffect[] {
    const peer = this.#peers.get(key);
    if (peer !== undefined) setFlag(peer, PEX_FLAGS.uploadOnly, uploadOnly);
    return [];
  }

  #onMessage({ peer: key, message }: InputOf<"message">, now: number): PexEffect[] {
    const peer = this.#peers.get(key);
    if (peer === undefined) return [];
    if (peer.heard.isFlood(now)) {
      this.#forget(peer, now);
      return [{ type: "close", peer: key, reason: "peer exchange flood" }];
    }
    const ours = new Set(this.#ours.values());
    const addresses = peer.heard.take(message, peer.address.host)
      .filter((address) => !ours.has(formatPeerAddress(address)));
    return addresses.length > 0 ? [{ type: "candidates", peer: key, addresses }] : [];
  }

  #onClosed({ peer: key, reason }: InputOf<"peerClosed">, now: number): PexEffect[] {
    const peer = this.#peers.get(key);
    if (peer === undefined) return [];
    if (reason !== undefined && GOOD_PARTINGS.has(reason)) this.#keep(peer);
    this.#forget(peer, now);
    return [];
  }

  #forget(peer: Peer, now: number): void {
    this.#peers.delete(peer.key);
    this.#changed(now);
  }

  /** Remembers a good parting, of each family the latest ones. */
  #keep({ listenAddress: address, flags }: Peer): void {
    if (address === undefined) return;
    const key = formatPeerAddress(address), isV6 = isIpv6(address.host);
    const others = this.#recent.filter((other) => formatPeerAddress(other.address) !== key);
    const crowd = others.filter((other) => isIpv6(other.address.host) === isV6);
    const leaving = crowd.length < UNDERPOPULATED ? undefined : crowd[0];
    this.#recent = others.filter((other) => other !== leaving);
    this.#recent.push({ address, flags, order: ++this.#parted });
  }

  /** There may be something to tell: nobody goes on being idle. */
  #changed(now: number): void {
    for (const peer of this.#peers.values()) {
      if (peer.told === undefined) peer.sendAt = undefined;
      else peer.sendAt ??= Math.max(now + GATHER_MS, peer.sentAt + MESSAGE_EVERY_MS);
    }
  }

  #tell(now: number): PexEffect[] {
    if (this.#dueBy(now).length === 0) return [];
    const live = this.#live();
    this.#recent = this.#recent.filter(({ address }) => !live.has(formatPeerAddress(address)));
    return this.#dueBy(now + TOGETHER_MS).flatMap((peer) => this.#tellOne(peer, live, now));
  }

  #dueBy(at: number): Peer[] {
    return [...this.#peers.values()].filter(({ sendAt = Infinity }) => sendAt <= at);
  }

  #tellOne(peer: Peer, live: ReadonlyMap<string, PexPeer>, now: number): PexEffect[] {
    const message = peer.told?.next({ live, recent: this.#recent }, peer);
    peer.sendAt = undefined;
    if (message === undefined) return [];
    peer.sentAt = now;
    // There may be more than one message holds, and recent peers are dropped in the next (BEP 11).
    peer.sendAt = now + MESSAGE_EVERY_MS;
    return [{ type: "send", peer: peer.key, message }];
  }

  #live(): ReadonlyMap<string, PexPeer> {
    const live = new Map<string, PexPeer>();
    for (const { listenAddress: address, flags } of this.#peers.values()) {
      if (address !== undefined) live.set(formatPeerAddress(address), { address, flags });
    }
    return live;
  }
}

/** What an id in `m` says: on, off, or nothing if it is absent (BEP 10 "handshake message"). */
function isOn(id: number | undefined): boolean | undefined {
  return id === undefined ? undefined : id !== 0;
}

function setFlag(peer: Peer, flag: number, value: boolean | undefined): void {
  if (value === undefined) return;
  peer.flags = value ? peer.flags | flag : peer.flags & ~flag;
}
