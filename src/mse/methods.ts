/** What a stream is encrypted with, and the policies that decide which handshake is spoken. */

/** What an MSE handshake may agree on for the stream behind it: nothing, or RC4. */
export type CryptoMethod = "plaintext" | "rc4";

/** How a connection can begin: with the bare BitTorrent handshake (BEP 3), or with MSE around it. */
export type Beginning = "plain" | "mse";

/** How much a user wants encryption. */
export type EncryptionPolicy = "disabled" | "allowed" | "preferred" | "required";

/** What a policy means. */
export interface EncryptionRules {
  /** How to dial: in this order, each in a connection of its own, until a peer answers. */
  readonly dials: readonly Beginning[];
  /** What may come in. */
  readonly accepts: readonly Beginning[];
  /** What an MSE handshake offers, and chooses from in this order. */
  readonly methods: readonly CryptoMethod[];
}

/** The policies, from none to all. */
export const ENCRYPTION_POLICIES: Readonly<Record<EncryptionPolicy, EncryptionRules>> = {
  /** Bare BitTorrent in both directions. */
  disabled: { dials: ["plain"], accepts: ["plain"], methods: [] },
  /** For the sake of peers that want it, and at the least cost. */
  allowed: { dials: ["plain", "mse"], accepts: ["plain", "mse"], methods: ["plaintext", "rc4"] },
  /** Wherever the peer can. */
  preferred: { dials: ["mse", "plain"], accepts: ["plain", "mse"], methods: ["rc4", "plaintext"] },
  /** Nothing is ever sent in the clear. */
  required: { dials: ["mse"], accepts: ["mse"], methods: ["rc4"] },
};

/** The bits of `crypto_provide` and `crypto_select`; others are for the future. */
const METHOD_BITS: Readonly<Record<CryptoMethod, number>> = { plaintext: 1, rc4: 2 };

/** The word that offers these methods. */
export function encodeMethods(methods: readonly CryptoMethod[]): number {
  return methods.reduce((word, method) => word | METHOD_BITS[method], 0);
}

/** The first of our methods that a word offers. */
export function chooseMethod(methods: readonly CryptoMethod[], provided: number): CryptoMethod | undefined {
  return methods.find((method) => (provided & METHOD_BITS[method]) !== 0);
}

/** Which of our methods a word selects: it names one and nothing else. */
export function selectedMethod(
  methods: readonly CryptoMethod[],
  selected: number,
): CryptoMethod | undefined {
  return methods.find((method) => selected === METHOD_BITS[method]);
}
