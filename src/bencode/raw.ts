/** Bytes that are bencode already, to be written as they are. */

/** Wraps a bencoded value, so that it can stand inside another one that is encoded; nobody checks it. */
export class RawBencode {
  /** One whole value. */
  readonly bytes: Uint8Array;

  /** The bytes are kept, not copied. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}
