/**
 * Every error class of the library, by blame: bad bytes, a call out of turn, a connection, a disk.
 * A caller's wrong argument is a built-in `TypeError` or `RangeError`; an abort is `signal.reason`.
 */

/** What a {@linkcode DecodeError} can carry besides its message. */
export interface DecodeErrorOptions extends ErrorOptions {
  /** Where the bytes or the text stop making sense, counted from the start of the decoded input. */
  readonly offset?: number;
}

/** Thrown by every decoder when bytes or text are not what the protocol says they are. */
export class DecodeError extends Error {
  /** The name of the class. */
  override readonly name = "DecodeError";
  /** Offset of the fault in the decoded input, in bytes (in UTF-16 code units for text); absent if unknown. */
  readonly offset: number | undefined;

  /** Makes the error; `options.offset` says where the input stops making sense. */
  constructor(message: string, options: DecodeErrorOptions = {}) {
    super(message, options);
    this.offset = options.offset;
  }
}

/** Thrown when a call comes at a time when it makes no sense, for example after `close()`. */
export class StateError extends Error {
  /** The name of the class. */
  override readonly name = "StateError";
}

/** Thrown when a connection, a datagram socket or a request to a tracker fails; `cause` says why. */
export class TransportError extends Error {
  /** The name of the class. */
  override readonly name = "TransportError";
}

/** Thrown when content cannot be read or written: full disk, missing rights, a file that changed; see `cause`. */
export class StorageError extends Error {
  /** The name of the class. */
  override readonly name = "StorageError";
}

/** What was thrown, as an error: anything can be. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
