/** Reads the content of a new torrent in order, from bytes, blobs and streams. */

import { StorageError } from "../errors.ts";
import type { FileSpan } from "./geometry.ts";
import type { SourceFile } from "./layout.ts";

/**
 * Fills spans with content. Spans must come in the order of the piece space: a stream cannot go back.
 */
export class ContentReader {
  readonly #sources: readonly (SourceFile | undefined)[];
  readonly #signal: AbortSignal | undefined;
  #stream: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #streamFile = -1;
  #chunk: Uint8Array = new Uint8Array();

  /** Reads `sources`, which stand at the indexes of the files; those of padding are absent. */
  constructor(sources: readonly (SourceFile | undefined)[], signal: AbortSignal | undefined) {
    this.#sources = sources;
    this.#signal = signal;
  }

  /**
   * Puts the bytes of a span where they belong in its piece; those of padding are zeros.
   *
   * @throws {StorageError} If the content cannot be read or ends too early.
   * @throws {TypeError} If the file came without content.
   */
  async read(span: FileSpan, piece: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted();
    const into = piece.subarray(span.pieceOffset, span.pieceOffset + span.length),
      { file, fileOffset } = span;
    const source = this.#sources[file.index], content = source?.content;
    if (source === undefined) into.fill(0);
    else if (content instanceof Uint8Array) into.set(content.subarray(fileOffset, fileOffset + span.length));
    else if (content instanceof Blob) await readBlob(content, fileOffset, into, source);
    else if (content !== undefined) await this.#readStream(file.index, content, into, source);
    else throw new TypeError(`Cannot create torrent: no content for ${nameOf(source)}`);
  }

  /** Makes sure that the last stream has ended. @throws {StorageError} If it goes on. */
  async end(): Promise<void> {
    while (this.#chunk.length === 0 && await this.#nextChunk());
    if (this.#chunk.length > 0) {
      throw new StorageError(
        `Cannot read ${nameOf(this.#sources[this.#streamFile])}: it is longer than announced`,
      );
    }
    this.#stream = undefined;
  }

  /** Lets go of a stream that has not ended. */
  async cancel(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.cancel().catch(() => {});
  }

  async #readStream(
    index: number,
    open: () => ReadableStream<Uint8Array>,
    into: Uint8Array,
    source: SourceFile,
  ): Promise<void> {
    if (index !== this.#streamFile) {
      await this.end();
      this.#stream = open().getReader();
      this.#streamFile = index;
    }
    for (let filled = 0; filled < into.length;) {
      if (this.#chunk.length === 0 && !await this.#nextChunk()) {
        throw new StorageError(`Cannot read ${nameOf(source)}: it is shorter than announced`);
      }
      const part = this.#chunk.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
  }

  /** Gets more of the stream; false at its end. */
  async #nextChunk(): Promise<boolean> {
    const stream = this.#stream;
    if (stream === undefined) return false;
    const cancel = () => void stream.cancel(this.#signal?.reason).catch(() => {});
    this.#signal?.addEventListener("abort", cancel);
    try {
      const { value } = await stream.read();
      this.#signal?.throwIfAborted();
      this.#chunk = value ?? new Uint8Array();
      return value !== undefined;
    } catch (cause) {
      this.#signal?.throwIfAborted();
      throw new StorageError(`Cannot read ${nameOf(this.#sources[this.#streamFile])}`, { cause });
    } finally {
      this.#signal?.removeEventListener("abort", cancel);
    }
  }
}

async function readBlob(blob: Blob, offset: number, into: Uint8Array, source: SourceFile): Promise<void> {
  const bytes = await blob.slice(offset, offset + into.length).arrayBuffer().catch((cause: unknown) => {
    throw new StorageError(`Cannot read ${nameOf(source)}`, { cause });
  });
  if (bytes.byteLength < into.length) {
    throw new StorageError(`Cannot read ${nameOf(source)}: it has become shorter`);
  }
  into.set(new Uint8Array(bytes));
}

function nameOf(source: SourceFile | undefined): string {
  return `"${source?.path.join("/") ?? ""}"`;
}
