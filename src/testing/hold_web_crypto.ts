/** Makes a virtual clock wait for WebCrypto, which works in other threads and in real time. */

import type { VirtualClock } from "../io/memory/virtual_clock.ts";

/** The calls that this library makes, and those that come with them. */
const METHODS = ["digest", "sign", "verify", "importKey", "exportKey", "generateKey", "deriveBits"] as const;

/**
 * Holds the clock while a call of `crypto.subtle` is under way, until disposed. Without it a piece that is being hashed
 * would seem to take as long as it is until the next timer, in virtual time, and equal runs would differ.
 *
 * Meant for `using _ = holdWebCrypto(clock)` in a test: it changes `crypto.subtle` itself.
 */
export function holdWebCrypto(clock: VirtualClock): Disposable {
  const { subtle } = crypto, undo: (() => void)[] = [];
  for (const name of METHODS) {
    const before = Object.getOwnPropertyDescriptor(subtle, name);
    const method = (subtle[name] as (...args: unknown[]) => Promise<unknown>).bind(subtle);
    const value = (...args: unknown[]) => clock.hold(method(...args));
    Object.defineProperty(subtle, name, { value, configurable: true, writable: true });
    undo.push(() => {
      Reflect.deleteProperty(subtle, name);
      if (before !== undefined) Object.defineProperty(subtle, name, before);
    });
  }
  return { [Symbol.dispose]: () => undo.splice(0).forEach((restore) => restore()) };
}
