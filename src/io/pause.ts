/** Waiting for a time, which can be cut short. */

import type { Clock } from "./transport.ts";

/** Settles at `until`, or as soon as the signal fires. */
export async function pause(until: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted || until <= clock.now()) return;
  const { promise, resolve } = Promise.withResolvers<void>(), wake = () => resolve();
  const cancel = clock.schedule(until, wake);
  signal.addEventListener("abort", wake);
  await promise;
  signal.removeEventListener("abort", wake);
  cancel();
}
