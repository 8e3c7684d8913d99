/** Values that a user keeps in the DHT, under their own hash or under a key (BEP 44): found, stored, renewed. */

import type { Bencodable } from "../bencode/encode.ts";
import {
  createImmutableItem,
  createMutableItem,
  type DhtItem,
  type ItemName,
  itemTarget,
  type MutableItem,
  type Signer,
} from "../dht/item.ts";
import type { OperationReport } from "../dht/vocabulary.ts";
import { systemClock } from "../io/clock.ts";
import type { DhtRunner, OperationOptions } from "../io/dht_runner.ts";
import { pause } from "../io/pause.ts";
import type { Clock } from "../io/transport.ts";

/** What came of looking for a value. */
export interface FoundValue {
  /** What it is stored under, 20 bytes. */
  readonly target: Uint8Array;
  /** The value and, if it is signed, who signed it; `undefined` if nobody has it. */
  readonly item: DhtItem | undefined;
  /** What it took. */
  readonly report: OperationReport;
}

/** How to store a value under a key. */
export interface KeyOptions {
  /** The key. */
  readonly signer: Signer;
  /** Tells several values of one key apart. */
  readonly salt?: Uint8Array;
  /** Version of the value; by default one more than the newest that the DHT has. */
  readonly seq?: bigint;
  /** Replace this version and no other (BEP 44 "CAS"). */
  readonly cas?: bigint;
}

/** What came of storing a value. */
export interface StoredValue {
  /** What it is stored under, 20 bytes. */
  readonly target: Uint8Array;
  /** What was to be stored. */
  readonly item: DhtItem;
  /** How many nodes have taken it. */
  readonly nodes: number;
  /** Error codes of those that have not. */
  readonly refusals: readonly number[];
  /** A version newer than ours, which keeps it from being stored. */
  readonly newer: MutableItem | undefined;
  /** What it took. */
  readonly report: OperationReport;
}

/** BEP 44 "expiration": once an hour, or once a minute while nobody is to be reached. */
const REPUBLISH_MS = 3_600_000, RETRY_MS = 60_000;

const NOTHING: OperationReport = { queries: 0, replies: 0, hops: 0 };

/** Looks for a value; of a signed one for the newest version. @throws {RangeError} If a part of the name has a wrong length. */
export async function findValue(
  dht: DhtRunner,
  name: ItemName,
  options: OperationOptions = {},
): Promise<FoundValue> {
  let item: DhtItem | undefined, report = NOTHING;
  for await (const news of dht.run({ type: "getItem", name }, options)) {
    if (news.type === "item") item = news.item;
    else if (news.type === "done") report = news.report;
  }
  return { target: itemTarget(name), item, report };
}

/**
 * Stores a value on the nodes nearest to its target: under its own hash, or signed under a key.
 *
 * @throws {RangeError} If the value has more than 1000 bytes when bencoded, or the salt more than 64.
 */
export async function storeValue(
  dht: DhtRunner,
  value: Bencodable,
  key?: KeyOptions,
  options: OperationOptions = {},
): Promise<StoredValue> {
  const item = key === undefined ? createImmutableItem(value) : await sign(dht, value, key, options);
  return await storeItem(dht, item, { ...options, ...(key?.cas !== undefined && { cas: key.cas }) });
}

/** Stores an item that is made already: anybody can keep alive what somebody else has signed (BEP 44 "expiration"). */
export async function storeItem(
  dht: DhtRunner,
  item: DhtItem,
  { cas, ...options }: OperationOptions & { readonly cas?: bigint } = {},
): Promise<StoredValue> {
  const operation = { type: "putItem", item, ...(cas !== undefined && { cas }) } as const;
  let nodes = 0, refusals: readonly number[] = [], newer: MutableItem | undefined, report = NOTHING;
  for await (const news of dht.run(operation, options)) {
    if (news.type === "stored") ({ nodes, refusals } = news);
    else if (news.type === "item" && news.item.type === "mutable") newer = news.item;
    else if (news.type === "done") report = news.report;
  }
  return { target: itemTarget(item), item, nodes, refusals, newer, report };
}

/** How to keep an item alive. */
export interface KeepOptions {
  /** Ends it with the signal's reason. */
  readonly signal: AbortSignal;
  /** Time; the system's by default. */
  readonly clock?: Clock;
}

/**
 * Keeps an item alive that has been stored: stores it again every hour, as far as others do not, for nodes forget it
 * after two (BEP 44 "expiration"). A newer version that turns up takes its place.
 *
 * @throws {StateError} If the node is closed. @throws The signal's reason.
 */
export async function keepItem(
  dht: DhtRunner,
  item: DhtItem,
  { signal, clock = systemClock }: KeepOptions,
): Promise<never> {
  for (let kept = item, wait = REPUBLISH_MS;;) {
    await pause(clock.now() + wait, clock, signal);
    for await (const news of dht.run({ type: "putItem", item: kept, republish: true }, { signal })) {
      if (news.type === "item") kept = news.item;
      // If nobody was there it is tried again soon.
      else if (news.type === "done") wait = news.report.replies === 0 ? RETRY_MS : REPUBLISH_MS;
    }
  }
}

async function sign(
  dht: DhtRunner,
  value: Bencodable,
  key: KeyOptions,
  options: OperationOptions,
): Promise<MutableItem> {
  const { signer, salt } = key, seq = key.seq ?? await nextSeq(dht, key, options);
  return await createMutableItem(signer, value, { seq, ...(salt !== undefined && { salt }) });
}

async function nextSeq(
  dht: DhtRunner,
  { signer, salt }: KeyOptions,
  options: OperationOptions,
): Promise<bigint> {
  const { item } = await findValue(dht, { type: "mutable", publicKey: signer.publicKey, salt }, options);
  return item?.type === "mutable" ? item.seq + 1n : 0n;
}
