/** The items that others have stored with us; mutable ones only with a verified signature (BEP 44). */

import { encodeHex } from "../bytes/text.ts";
import { evictFarthest } from "./eviction.ts";
import { type DhtItem, isSameVersion, itemTarget, type MutableItem } from "./item.ts";
import { KRPC_ERRORS } from "./messages/krpc.ts";

/** Items stored; with keys and salts at most 1.5 MiB. */
export const MAX_ITEMS = 1000;

/** BEP 44 "expiration": two hours without a new put. */
const LIFETIME_MS = 2 * 3_600_000;

interface StoredItem {
  readonly target: Uint8Array;
  readonly item: DhtItem;
  readonly expiresAt: number;
}

/** Items by target. */
export class ItemStore {
  readonly #items = new Map<string, StoredItem>();

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

  /** Stores an item that was found good. If there are too many, those far from `near`, our own id, are forgotten. */
  put(item: DhtItem, near: Uint8Array, now: number): void {
    const target = itemTarget(item), key = encodeHex(target);
    if (this.#items.size >= MAX_ITEMS && !this.#items.has(key)) evictFarthest(this.#items, near);
    this.#items.set(key, { target, item, expiresAt: now + LIFETIME_MS });
  }

  /** Forgets what nobody has stored again within two hours. */
  expire(now: number): void {
    for (const [key, { expiresAt }] of this.#items) if (expiresAt <= now) this.#items.delete(key);
  }
}
