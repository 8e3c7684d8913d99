/**
 * The library's own test kit: a network, a clock and chance that repeat themselves, and content in memory.
 *
 * A {@linkcode VirtualNetwork} has hosts with addresses of their own; each is a `Network`, so whatever takes one runs in
 * it. Links delay, lose, double and reorder, can be cut and restored. Time is a {@linkcode VirtualClock}: it stands still
 * until a test moves it, so an hour of announcing takes milliseconds and every run is the same.
 *
 * @example Two hosts and a slow line
 * ```ts
 * import { VirtualClock, VirtualNetwork } from "@network/bittorrent/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new VirtualClock();
 * const network = new VirtualNetwork({ clock, seed: 1, link: { latencyMs: 100 } });
 * const alice = network.host("10.0.0.1"), bob = network.host("10.0.0.2");
 *
 * const listener = await bob.listen({ port: 6881 });
 * const dialled = await clock.runUntil(alice.dial(listener.address));
 * await dialled!.write(new TextEncoder().encode("hello"));
 *
 * for await (const connection of listener) {
 *   const into = new Uint8Array(100);
 *   const count = await clock.runUntil(connection.read(into));
 *   assertEquals(new TextDecoder().decode(into.subarray(0, count!)), "hello");
 *   break;
 * }
 * assertEquals(clock.now(), 300);
 * ```
 *
 * Those who write a storage of their own find in {@linkcode storageCases} what it must do:
 * `for (const { name, run } of storageCases) Deno.test(name, () => run(open))`.
 *
 * @module
 */

export type { Bitfield } from "../bytes/bitfield.ts";
export type { Random } from "../bytes/random.ts";
export { MemoryStorage, openMemoryStore } from "../io/memory_storage.ts";
export { DEFAULT_LINK, type LinkQuality } from "../io/memory/link.ts";
export { seededRandom } from "../io/memory/seeded_random.ts";
export { type RunOptions, VirtualClock } from "../io/memory/virtual_clock.ts";
export type { Traffic } from "../io/memory/traffic.ts";
export {
  type HttpHandler,
  VirtualNetwork,
  type VirtualNetworkOptions,
} from "../io/memory/virtual_network.ts";
export { MemoryStateStore, type StateStore } from "../io/state_store.ts";
export type {
  CheckOptions,
  ContentStorage,
  FileStamp,
  FinishResult,
  PieceBuffers,
  PieceStore,
} from "../io/storage.ts";
export type {
  BindOptions,
  ByteConnection,
  Clock,
  Datagram,
  DatagramSocket,
  DialOptions,
  FetchOptions,
  Listener,
  Network,
} from "../io/transport.ts";
export type { PieceHashSource } from "../metainfo/verify.ts";
export type { PeerAddress } from "../peer/address.ts";
export { holdWebCrypto } from "./hold_web_crypto.ts";
export { type OpenTestStorage, type StorageCase, storageCases } from "./storage_cases.ts";
