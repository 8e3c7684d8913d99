/** The system's time as a {@linkcode Clock}. */

import type { Clock } from "./transport.ts";

/** `setTimeout` takes 31 bits; longer waits are made of several. */
const MAX_DELAY_MS = 0x7fff_ffff;

type Timer = ReturnType<typeof setTimeout>;

/** A timer must not keep a process alive: Deno takes its number, Node and Bun have a method, browsers do not care. */
function unref(timer: Timer): void {
  const runtime = globalThis as { Deno?: { unrefTimer?: (id: number) => void } };
  if (typeof timer === "number") runtime.Deno?.unrefTimer?.(timer);
  else (timer as { unref?: () => void }).unref?.();
}

/**
 * The system's clock: milliseconds since the process began, never going backwards, and timers that do not keep the
 * process alive.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(at, callback) {
    let timer: Timer;
    const wait = () => {
      const delay = at - performance.now();
      // A timer may ring a fraction of a millisecond early; the promise is "at or after".
      timer = setTimeout(() => performance.now() >= at ? callback() : wait(), clampDelay(delay));
      unref(timer);
    };
    wait();
    return () => clearTimeout(timer);
  },
};

function clampDelay(delay: number): number {
  return Math.min(Math.max(Math.ceil(delay), 0), MAX_DELAY_MS);
}
