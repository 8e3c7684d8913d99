/** Pieces of one torrent on their way to the disk: while there are too many of them, peers are not read (back-pressure). */

/**
 * Bytes on their way to the disk above which peers are not read any more: TCP then slows them down. Enough to keep
 * workers and disk busy; more would only be memory, and memory that was used long ago is slow.
 */
const MOST_BYTES = 8 << 20;
/** Pieces that may be on their way however long they are, and however short. */
const MIN_PIECES = 2, MAX_PIECES = 64;

/** What waits for the disk, and who waits until that is less. */
export class DiskBacklog {
  readonly #mostPieces: number;
  readonly #storing = new Set<Promise<void>>();
  #readers: (() => void)[] = [];
  #isClosed = false;

  /** Begins empty. */
  constructor(pieceLength: number) {
    this.#mostPieces = Math.min(MAX_PIECES, Math.max(MIN_PIECES, MOST_BYTES / pieceLength));
  }

  /** One more piece is being stored, which never rejects. */
  add(storing: Promise<void>): void {
    this.#storing.add(storing);
    void storing.then(() => {
      this.#storing.delete(storing);
      if (!this.#isFull) this.#release();
    });
  }

  /** Settles when peers may be read; `undefined` if at once. */
  mayRead(): Promise<void> | undefined {
    if (!this.#isFull || this.#isClosed) return undefined;
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Settles once everything that is being stored now is dealt with. */
  async settled(): Promise<void> {
    await Promise.all(this.#storing);
  }

  /** Holds up nobody any more. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  get #isFull(): boolean {
    return this.#storing.size > this.#mostPieces;
  }

  #release(): void {
    for (const release of this.#readers.splice(0)) release();
  }
}
