/**
 * The attempts at an info dictionary (BEP 9): peers that claim the same size contribute to one. If its hash is wrong and one peer
 * sent it all, that one lies; if several did, each of them is asked for the whole by itself.
 */

import { METADATA_BLOCK_LENGTH } from "../wire/messages/metadata.ts";
import { MetadataAssembly } from "./metadata_assembly.ts";
import type { PeerKey } from "./vocabulary.ts";

/** Blocks held by all attempts together: twice the longest metadata, whatever sizes peers claim. */
const MAX_HELD = 2 * 32 * 1024 * 1024 / METADATA_BLOCK_LENGTH;

/** Who contributes. */
export interface Contributor {
  readonly key: PeerKey;
  /** Length of its metadata; `undefined` while it has none. */
  readonly size: number | undefined;
  /** It contributed to a wrong copy along with others: it is asked for the whole by itself. */
  readonly isSuspect: boolean;
}

/** All attempts under way, and the one whose hash is being looked at. */
export class MetadataAttempts {
  #assemblies: MetadataAssembly[] = [];
  #verifying: MetadataAssembly | undefined;

  /** The attempt whose hash is being looked at. */
  get verifying(): MetadataAssembly | undefined {
    return this.#verifying;
  }

  /** Blocks received and in all of the attempt that is furthest. */
  progress(): { readonly received: number; readonly blockCount: number } {
    const best = this.#assemblies.reduce<MetadataAssembly | undefined>(
      (best, one) => best === undefined || one.received > best.received ? one : best,
      this.#verifying,
    );
    return { received: best?.received ?? 0, blockCount: best?.blockCount ?? 0 };
  }

  /** The attempt that a peer contributes to, if it has begun. */
  of({ key, size, isSuspect }: Contributor): MetadataAssembly | undefined {
    return this.#assemblies.find((one) => one.size === size && one.only === (isSuspect ? key : undefined));
  }

  /** Picks a block that is missing and asked of nobody; it counts as asked of this peer. */
  take(peer: Contributor & { readonly size: number }, now: number): number | undefined {
    let assembly = this.of(peer);
    if (assembly === undefined) {
      assembly = new MetadataAssembly(peer.size, peer.isSuspect ? peer.key : undefined);
      this.#assemblies.push(assembly);
    }
    return assembly.take(peer.key, now);
  }

  /**
   * Takes a block that was asked of this peer; `false` if it was not. The longest attempts are dropped when there is too
   * much: peers that claim a size each, and never send the last block, would fill the memory.
   */
  put(peer: Contributor, index: number, bytes: Uint8Array): boolean {
    const assembly = this.of(peer);
    if (!assembly?.put(index, bytes, peer.key)) return false;
    for (let held = this.#held; held > MAX_HELD && this.#assemblies.length > 1; held = this.#held) {
      const [longest] = this.#assemblies.toSorted((a, b) => b.received - a.received);
      this.#assemblies = this.#assemblies.filter((one) => one !== longest);
    }
    return true;
  }

  get #held(): number {
    return this.#assemblies.reduce((sum, { received }) => sum + received, 0);
  }

  /** Takes back all requests to a peer. */
  release(peer: PeerKey): void {
    for (const assembly of this.#assemblies) assembly.release(peer);
  }

  /** Peers that have not answered since `before`. */
  late(before: number): readonly PeerKey[] {
    return this.#assemblies.flatMap((one) => one.late(before));
  }

  /** When the oldest unanswered request was made. */
  oldestRequest(): number | undefined {
    const times = this.#assemblies.flatMap((one) => one.oldestRequest() ?? []);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Turns to the hash of a whole attempt, unless another one is being looked at; answers the bytes to hash. */
  verify(): Uint8Array | undefined {
    const whole = this.#verifying === undefined ? this.#assemblies.find((one) => one.isWhole) : undefined;
    if (whole === undefined) return undefined;
    this.#verifying = whole;
    this.#assemblies = this.#assemblies.filter((one) => one !== whole);
    return whole.join();
  }

  /** The hash is known: the attempt is over, whatever it is worth. */
  settle(): MetadataAssembly | undefined {
    const verified = this.#verifying;
    this.#verifying = undefined;
    return verified;
  }

  /** Drops attempts that nobody goes on with, so that peers that come and go cannot fill the memory. */
  keepOnly(peers: readonly Contributor[]): void {
    this.#assemblies = this.#assemblies.filter((one) => peers.some((peer) => this.of(peer) === one));
  }
}
