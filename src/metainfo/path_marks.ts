/** Whether many paths are distinct, told without keeping any of them (BEP 52 "file tree"). */

const SLASH = 0x2f, SMALL_A = 0x61, SMALL_Z = 0x7a, ASCII_END = 0x80;

/** What tells the marks of files and of folders apart, and both from an empty slot. */
const FILE = 2, FOLDER = 3, KIND = 3;

/** Slots for each path: room for as many folders as files in a table that is no more than half full. */
const SLOTS_PER_PATH = 4;

/** Slots to look at for one mark; only names that were made to meet in one slot need more. */
const MAX_STEPS = 128;

/**
 * What a file system that ignores case and composition compares. Capitals tell fewer letters apart than small ones: both
 * forms of a sigma, and the long s, have one.
 */
export function foldCase(path: string): string {
  return (/[\u0080-\uffff]/.test(path) ? path.normalize("NFC").toLowerCase() : path).toUpperCase();
}

/**
 * Remembers paths and the folders on the way to them by 62 bits of each. Equal ones have equal marks; that two others have
 * by chance is not to be expected, and whoever contrives it gains nothing: {@linkcode PathMarks.add} says no more than that
 * somebody has to look. A set of folded paths tells the same, but in a multiple of the time and memory.
 */
export class PathMarks {
  readonly #slots: Int32Array;
  #left: number;

  /** Makes room for so many paths. */
  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(SLOTS_PER_PATH * count + 1));
    this.#slots = new Int32Array(2 * size);
    this.#left = size / 2;
  }

  /**
   * Adds a path. `false` means that the same path, one of its folders as a file, or it as a folder may have been added
   * before, as {@linkcode foldCase} compares them, or that there are more folders than room or names made to be slow.
   */
  add(path: string): boolean {
    return this.#addFolded(path, true) ?? this.#addFolded(foldCase(path), false) ?? false;
  }

  /** Adds a path whose ASCII letters count as capitals; `undefined` at the first other letter if `onlyAscii`. */
  #addFolded(path: string, onlyAscii: boolean): boolean | undefined {
    let a = 0x811c9dc5 | 0, b = 0x9e3779b9 | 0;
    for (let i = 0; i < path.length; i++) {
      let unit = path.charCodeAt(i);
      if (unit === SLASH && !this.#mark(a, b, FOLDER)) return false;
      if (unit >= SMALL_A && unit <= SMALL_Z) unit -= 0x20;
      if (unit >= ASCII_END && onlyAscii) return undefined;
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b + unit, 0x85ebca6b);
      b ^= b >>> 15;
    }
    return this.#mark(a, b, FILE);
  }

  #mark(a: number, b: number, kind: number): boolean {
    const slots = this.#slots, mask = slots.length / 2 - 1, mark = b & ~KIND | kind;
    let slot = (a ^ a >>> 15) & mask;
    for (let steps = 0; steps < MAX_STEPS; steps++, slot = slot + 1 & mask) {
      const kept = slots[2 * slot + 1]!;
      if (kept === 0) {
        slots[2 * slot] = a;
        slots[2 * slot + 1] = mark;
        return --this.#left > 0;
      }
      if (slots[2 * slot] === a && (kept ^ mark) <= 1 && (kept ^ mark) >= 0) {
        return kept === mark && kind === FOLDER;
      }
    }
    return false;
  }
}
