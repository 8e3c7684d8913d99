/** Write tokens: proof that whoever announces has lately asked from the same address (BEP 5 "overview"). */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { type Random, randomBytes } from "../bytes/random.ts";
import { sha1Sync } from "../bytes/sha1_sync.ts";
import { copyToSlab } from "../bytes/slab.ts";

/** A secret lives five minutes and is accepted for five more (BEP 5 "overview"). */
const ROTATION_MS = 5 * 60_000;

/** Eight bytes cannot be guessed at a few tries a second. */
const TOKEN_LENGTH = 8;

/** With IPv6 address and target this fits one block of the hash: 16 + 16 + 20 bytes. */
const SECRET_LENGTH = 16;

/** Gives out tokens and knows them again, without remembering any. */
export class TokenBook {
  readonly #random: Random;
  #secret: Uint8Array;
  #previous: Uint8Array;
  #rotateAt: number;

  /** Draws the first secret; `random` must be unpredictable. */
  constructor(random: Random, now: number) {
    this.#random = random;
    this.#secret = randomBytes(random, SECRET_LENGTH);
    this.#previous = this.#secret;
    this.#rotateAt = now + ROTATION_MS;
  }

  /** The token of this address (4 or 16 bytes) for this info hash or item target, 8 bytes. */
  issue(ip: Uint8Array, target: Uint8Array, now: number): Uint8Array<ArrayBuffer> {
    this.#rotate(now);
    return copyToSlab(tokenOf(this.#secret, ip, target));
  }

  /** Whether the token was given to this address for this target: for five minutes at least, ten at most. */
  accepts(token: Uint8Array, ip: Uint8Array, target: Uint8Array, now: number): boolean {
    this.#rotate(now);
    if (token.length !== TOKEN_LENGTH) return false;
    return timingSafeEqual(token, tokenOf(this.#secret, ip, target)) ||
      timingSafeEqual(token, tokenOf(this.#previous, ip, target));
  }

  /** On use, by a fixed beat: a secret that nobody asks about needs no timer. */
  #rotate(now: number): void {
    if (now < this.#rotateAt) return;
    const fresh = randomBytes(this.#random, SECRET_LENGTH), isRecent = now < this.#rotateAt + ROTATION_MS;
    this.#previous = isRecent ? this.#secret : fresh;
    this.#secret = fresh;
    this.#rotateAt = (isRecent ? this.#rotateAt : now) + ROTATION_MS;
  }
}

/** Scratch: allocating would cost as much as hashing. */
const INPUT: Uint8Array = new Uint8Array(SECRET_LENGTH + 16 + 20);
const DIGEST: Uint8Array<ArrayBuffer> = new Uint8Array(20), TOKEN = DIGEST.subarray(0, TOKEN_LENGTH);

/** Good until the next call. */
function tokenOf(secret: Uint8Array, ip: Uint8Array, target: Uint8Array): Uint8Array {
  INPUT.set(ip);
  INPUT.set(secret, ip.length);
  INPUT.set(target, ip.length + SECRET_LENGTH);
  sha1Sync(INPUT.subarray(0, ip.length + SECRET_LENGTH + target.length), DIGEST);
  return TOKEN;
}
