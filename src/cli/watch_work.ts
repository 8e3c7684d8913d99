/** A bar on the terminal while something of known length is done. */

import { Display } from "./display.ts";
import { createPalette } from "./render.ts";
import { workScreen } from "./screens.ts";
import type { Terminal } from "./terminal.ts";

/** What work gets to be watched and stopped by. */
export interface Watch {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Tells how many bytes are done, and how many there are. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Does the work and shows how far it is, where standard error is a terminal; the bar is gone afterwards.
 *
 * @throws {Interrupted} If the user pressed Ctrl-C and the work gave up.
 */
export async function watchWork<T>(
  terminal: Terminal,
  label: string,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const palette = createPalette(terminal.hasErrorColours), startedAt = performance.now();
  let state = { done: 0, total: 1 };
  const interruption = terminal.interruption();
  const display = new Display(
    terminal,
    (width) => workScreen({ label, ...state, elapsedMs: performance.now() - startedAt }, width, palette),
  );
  try {
    return await work({
      signal: interruption.signal,
      onProgress: (done, total) => state = { done, total },
    });
  } finally {
    display.close({ wipe: true });
    interruption.release();
  }
}
