/**
 * What peers call a torrent: 20 bytes, the v1 info hash or the v2 info hash cut. A hybrid has both names and lives in both swarms
 * (BEP 52 "infohash", "upgrade path").
 */

import { equals } from "@std/bytes/equals";
import { encodeHex } from "../bytes/text.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { MagnetLink } from "../metainfo/magnet.ts";
import { formatPeerAddress, type PeerAddress } from "../peer/address.ts";
import { type HandshakePrefix, hasFeature } from "../wire/messages/handshake.ts";

/** Bytes of a name. */
const NAME_LENGTH = 20;

/** Addresses remembered: far more than a torrent connects to. */
const MOST_REMEMBERED = 2000;

/** What names a torrent: a torrent file, or a link that may know one name of two. */
export type Named = Pick<Metainfo | MagnetLink, "infoHashV1" | "infoHashV2">;

/** What an outgoing handshake says, and what the answer may say in its place. */
export interface DialNames {
  /** Our word. */
  readonly infoHash: Uint8Array;
  /** The peer's word if it would rather speak v2. */
  readonly upgradedInfoHash?: Uint8Array;
}

/** The one or two names of a torrent. */
export class TorrentNames {
  /** The name by which it is known here, for as long as it is here. */
  readonly primary: Uint8Array;
  #v1: Uint8Array | undefined;
  #v2: Uint8Array | undefined;
  /** Whether an address was heard of in the v2 swarm alone. */
  readonly #heard = new Map<string, boolean>();

  /** Takes the names that a torrent file or a link gives. @throws {TypeError} If there is none. */
  constructor(named: Named) {
    this.learn(named);
    const primary = this.#v1 ?? this.#v2;
    if (primary === undefined) throw new TypeError("Cannot add magnet link: it has no info hash");
    this.primary = primary;
  }

  /** Every name. */
  all(): readonly Uint8Array[] {
    return [this.#v1, this.#v2].filter((name) => name !== undefined);
  }

  /** Whether peers may call it so, in hexadecimal. */
  has(name: string): boolean {
    return this.all().some((own) => encodeHex(own) === name);
  }

  /** Whether who says this name speaks v2. */
  isV2(name: Uint8Array): boolean {
    return this.#v2 !== undefined && equals(name, this.#v2);
  }

  /** Takes over names that were not known; answers those. */
  learn({ infoHashV1, infoHashV2 }: Named): readonly Uint8Array[] {
    const before = this.all();
    this.#v1 ??= infoHashV1;
    this.#v2 ??= infoHashV2?.subarray(0, NAME_LENGTH);
    // Whoever was told 20 bytes cannot know of which version they are (BEP 46, 51).
    if (this.#v1 && this.#v2 && equals(this.#v1, this.#v2)) {
      this.#v2 = this.#v1;
      this.#v1 = infoHashV1 && !this.isV2(infoHashV1) ? infoHashV1 : undefined;
    }
    return this.all().filter((name) => !before.includes(name));
  }

  /** Peers were heard of under this name. */
  heard(name: Uint8Array, addresses: readonly PeerAddress[]): void {
    if (this.#v1 === undefined || this.#v2 === undefined) return; // there is nothing to choose from
    const isV2 = this.isV2(name);
    for (const address of addresses) {
      const key = formatPeerAddress(address), isNews = this.#heard.get(key) ?? true;
      this.#heard.delete(key);
      this.#heard.set(key, isV2 && isNews);
      if (this.#heard.size > MOST_REMEMBERED) this.#heard.delete(this.#heard.keys().next().value!);
    }
  }

  /** What to say to a peer: the v1 name, which it may raise to v2, unless it was heard of in the v2 swarm alone. */
  dial(address: PeerAddress): DialNames {
    const v1 = this.#v1, v2 = this.#v2;
    if (v1 === undefined || v2 === undefined) return { infoHash: this.all()[0]! };
    if (this.#heard.get(formatPeerAddress(address))) return { infoHash: v2 };
    return { infoHash: v1, upgradedInfoHash: v2 };
  }

  /** What to answer a peer that called one of the names: the v2 name if it understands that. */
  answer({ infoHash, reserved }: HandshakePrefix): Uint8Array {
    return this.#v2 !== undefined && hasFeature(reserved, "v2") ? this.#v2 : infoHash;
  }
}
