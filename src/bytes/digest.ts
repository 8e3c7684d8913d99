/** SHA-1 and SHA-256 of whole byte strings through WebCrypto: pieces, info dictionaries, Merkle nodes. */

/** Bytes that own a plain `ArrayBuffer`, as WebCrypto and `Blob` want them. */
export type OwnedBytes = Uint8Array<ArrayBuffer>;

async function digest(algorithm: "SHA-1" | "SHA-256", bytes: Uint8Array): Promise<OwnedBytes> {
  // WebCrypto refuses shared memory; plain memory goes in as it is.
  const owned = bytes.buffer instanceof ArrayBuffer ? bytes as OwnedBytes : new Uint8Array(bytes);
  return new Uint8Array(await crypto.subtle.digest(algorithm, owned));
}

/** The 20-byte SHA-1 of `bytes`: v1 pieces and info hashes (BEP 3). */
export function sha1(bytes: Uint8Array): Promise<OwnedBytes> {
  return digest("SHA-1", bytes);
}

/** The 32-byte SHA-256 of `bytes`: v2 info hashes, blocks and Merkle nodes (BEP 52). */
export function sha256(bytes: Uint8Array): Promise<OwnedBytes> {
  return digest("SHA-256", bytes);
}
