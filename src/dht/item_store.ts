/** The items that others have stored with us; mutable ones only with a verified signature (BEP 44). */

import { encodeHex } from "../bytes/text.ts";
import { evictFarthest } from "./eviction.ts";
import { type DhtItem, isSameVersion, itemTarget, type MutableItem } from "./item.ts";
import { KRPC_ERRORS } from "./messages/krpc.ts";
import { NetworkShares } from "./network_shares.ts";

/** Items stored; with keys and salts at most 1.5 MiB. */
export const MAX_ITEMS = 1000;

/** Items that one /24 or /48 was the first to store. */
export const MAX_ITEMS_PER_NETWORK = 64;

/** BEP 44 "expiration": two hours without a new put. */
const LIFETIME_MS = 2 * 3_600_000;

interface StoredItem {
  readonly target: Uint8Array;
  readonly item: DhtItem;
  readonly expiresAt: number;
  /** Whose share it counts in; see {@linkcode NetworkShares}. */
  readonly founder: number | undefined;
}

/** Items by target. */
export class ItemStore {
  readonly #items = new Map<string, StoredItem>();
  readonly #shares = new NetworkShares(MAX_ITEMS_PER_NETWORK);

  /** How many items are stored, at most {@linkcode MAX_ITEMS}. */
  get size(): number {
    return this.#items.size;
  }

  /** The item stored under this target. */
  get(target: Uint8Array): DhtItem | undefined {
    return this.#items.get(encodeHex(target))?.item;
  }

  /**
   * Why a mutable item may not be stored: the number of an error, or `undefined` if it may (BEP 44 "put message",
   * "CAS"). Storing the same version again is how an item is kept alive.
   */
  refusal(item: MutableItem, cas: bigint | undefined): number | undefined {
    const stored = this.get(itemTarget(item));
    if (stored?.type !== "mutable") return undefined;
    if (cas !== undefined && cas !== stored.seq) return KRPC_ERRORS.casMismatch;
    return item.seq > stored.seq || isSameVersion(item, stored) ? undefined : KRPC_ERRORS.seqTooOld;
  }

  /** Whether an item is one too many of the network at this compact address. */
  isSpent(item: DhtItem, from: Uint8Array): boolean {
    return this.#shares.isSpent(from) && this.get(itemTarget(item)) === undefined;
  }

  /**
   * Stores an item that was found good for somebody at a compact address. If there are too many, those far from `near`, our
   * own id, are forgotten.
   */
  put(
    item: DhtItem,
    { from, near }: { readonly from: Uint8Array; readonly near: Uint8Array },
    now: number,
  ): void {
    const target = itemTarget(item), key = encodeHex(target), known = this.#items.get(key);
    if (known === undefined && this.#items.size >= MAX_ITEMS) this.#makeRoom(near);
    const founder = known === undefined ? this.#shares.take(from) : known.founder;
    this.#items.set(key, { target, item, expiresAt: now + LIFETIME_MS, founder });
  }

  /** Forgets what nobody has stored again within two hours. */
  expire(now: number): void {
    for (const [key, { expiresAt, founder }] of this.#items) {
      if (expiresAt > now) continue;
      this.#items.delete(key);
      this.#shares.giveBack(founder);
    }
  }

  #makeRoom(near: Uint8Array): void {
    for (const { founder } of evictFarthest(this.#items, near)) this.#shares.giveBack(founder);
  }
}
