/** A peer that starts or stops to want nothing: the `upload_only` message, deployed beside the handshake key (BEP 21). */

/** Whether the sender wants nothing from now on. */
export interface UploadOnlyMessage {
  /** Tells it from the other extension messages. */
  readonly type: "uploadOnly";
  /** True for seeds and partial seeds. */
  readonly uploadOnly: boolean;
}

/** Writes the payload of an `uploadOnly` message, one byte. */
export function encodeUploadOnly(message: UploadOnlyMessage): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(Number(message.uploadOnly));
}

/**
 * Reads the payload of an `uploadOnly` message. No BEP describes it, so other lengths than one byte are to be
 * ignored, as libtorrent does: `undefined`.
 */
export function decodeUploadOnly(bytes: Uint8Array): UploadOnlyMessage | undefined {
  return bytes.length === 1 ? { type: "uploadOnly", uploadOnly: bytes[0] !== 0 } : undefined;
}
