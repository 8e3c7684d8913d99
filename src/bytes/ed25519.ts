/** Ed25519 (RFC 8032) through WebCrypto: mutable items of the DHT (BEP 44). */

/** What stands before a seed in PKCS #8: version, algorithm, an octet string in an octet string (RFC 8410). */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20] as const;

/** Bytes of a seed, and of a public key. */
const KEY_LENGTH = 32;

/** Signs with one key. */
export interface Ed25519Signer {
  /** The public key, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** Signs; 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Makes a signer from a private key in its common form, a seed of 32 bytes.
 *
 * @throws {RangeError} If it has another length. Keys of 64 bytes are another form, which WebCrypto cannot use.
 */
export async function createSigner(seed: Uint8Array): Promise<Ed25519Signer> {
  if (seed.length !== KEY_LENGTH) {
    throw new RangeError(`Cannot use key: expected 32 bytes, got ${seed.length}`);
  }
  const pkcs8 = Uint8Array.of(...PKCS8_HEAD, ...seed);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return {
    publicKey: decodeBase64Url(x ?? ""),
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign("Ed25519", key, new Uint8Array(message))),
  };
}

/** Whether a signature of 64 bytes over `message` is right. Senseless keys and signatures are just wrong. */
export async function verifyEd25519(
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> {
  if (publicKey.length !== KEY_LENGTH) return false;
  try {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(publicKey), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, new Uint8Array(signature), new Uint8Array(message));
  } catch (error) {
    // Some runtimes refuse to import what is no point of the curve.
    if (error instanceof DOMException && error.name !== "NotSupportedError") return false;
    throw error;
  }
}

function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
