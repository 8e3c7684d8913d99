/** A few lines at the bottom of a terminal that are drawn over and over: what a progress display stands on. */

import type { Terminal } from "./terminal.ts";

/** Pictures a second: smooth for the eye, nothing for the processor. */
const FRAMES_PER_SECOND = 10;

/** Wider pictures are hard to take in at a glance. */
const WIDEST = 100;

const HIDE_CURSOR = "\x1b[?25l", SHOW_CURSOR = "\x1b[?25h";
const STOP_WRAPPING = "\x1b[?7l", WRAP = "\x1b[?7h";
const CLEAR_LINE = "\x1b[K", CLEAR_BELOW = "\x1b[J";

/** Draws the picture for a width in columns. */
export type Picture = (width: number) => readonly string[];

/**
 * Redraws a picture until it is closed. Where standard error is no terminal nothing is drawn at all.
 */
export class Display {
  readonly #terminal: Terminal;
  readonly #picture: Picture;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lines = 0;

  /** Starts to draw. */
  constructor(terminal: Terminal, picture: Picture) {
    this.#terminal = terminal;
    this.#picture = picture;
    if (terminal.columns() === undefined) return;
    this.#timer = setInterval(() => this.#draw(), 1000 / FRAMES_PER_SECOND);
    this.#write(HIDE_CURSOR);
    this.#draw();
  }

  /** Draws a last time and leaves the picture where it is, or wipes it away. Safe to call twice. */
  close(options: { readonly wipe?: boolean } = {}): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (options.wipe) this.#write(this.#home() + CLEAR_BELOW);
    else this.#draw();
    this.#write(SHOW_CURSOR);
  }

  #draw(): void {
    const width = Math.min(WIDEST, (this.#terminal.columns() ?? 80) - 1);
    const lines = this.#picture(width);
    const text = lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    const home = this.#home();
    this.#lines = lines.length;
    this.#write(`${STOP_WRAPPING}${home}${text}${CLEAR_BELOW}${WRAP}`);
  }

  /** A terminal that went away ends the show, not the work. */
  #write(text: string): void {
    try {
      this.#terminal.writeError(text);
    } catch {
      clearInterval(this.#timer);
    }
  }

  /** Back to the first column of the picture's first line. */
  #home(): string {
    return this.#lines === 0 ? "\r" : `\x1b[${this.#lines}A\r`;
  }
}
