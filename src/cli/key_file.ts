/** Private keys in files, and the options that say what a key signs (BEP 44): seeds, or expanded keys as libtorrent has them. */

import { createSigner, type Ed25519Signer } from "../bytes/ed25519.ts";
import { createExpandedSigner } from "../bytes/ed25519_expanded.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "../bytes/text.ts";
import type { KeyOptions } from "../client/dht_values.ts";
import { type OptionValues, UsageError } from "./arguments.ts";
import { writeNew } from "./atomic_file.ts";
import { Failure } from "./failure.ts";
import { readSmallFile } from "./small_file.ts";

/** An expanded key as hex digits with an end of line or two. */
const MAX_KEY_FILE = 130;

const SEED_LENGTH = 32, EXPANDED_LENGTH = 64;

/** Rows of commands that sign. */
export const KEY_OPTIONS = {
  "key-file": { kind: "text", value: "KEY", help: "file with the private key, see 'dht key'" },
  salt: { kind: "text", value: "TEXT", help: "tells several values of one key apart" },
  seq: { kind: "count", value: "N", help: "version of the value [one more than the newest there is]" },
  cas: { kind: "count", value: "N", help: "replace this version and no other" },
} as const;

/** The row of commands that store something which nodes forget. */
export const KEEP_OPTION = {
  kind: "flag",
  help: "stay and store it again every hour, until Ctrl-C",
} as const;

/** What they say; `undefined` without a key. @throws {UsageError} If there are others without it. @throws {Failure} If it is none. */
export async function readKey(options: OptionValues<typeof KEY_OPTIONS>): Promise<KeyOptions | undefined> {
  const { salt, seq, cas } = options, path = options["key-file"];
  if (path === undefined) {
    for (const name of ["salt", "seq", "cas"] as const) {
      if (options[name] !== undefined) throw new UsageError(`Cannot use --${name} without --key-file`);
    }
    return undefined;
  }
  return {
    signer: await readSigner(path),
    ...(salt !== undefined && { salt: encodeUtf8(salt) }),
    ...(seq !== undefined && { seq: BigInt(seq) }),
    ...(cas !== undefined && { cas: BigInt(cas) }),
  };
}

/** Reads a private key: a seed or an expanded key, as bytes or as hex digits. @throws {Failure} If it is none. */
export async function readSigner(path: string): Promise<Ed25519Signer> {
  const bytes = await readSmallFile(path, MAX_KEY_FILE), text = new TextDecoder().decode(bytes).trim();
  // Sixty-four bytes that all look like hex digits are no expanded key: these are random.
  const key = /^([0-9a-f]{64}){1,2}$/i.test(text) ? decodeHex(text) : bytes;
  try {
    if (key.length === SEED_LENGTH) return await createSigner(key);
    if (key.length === EXPANDED_LENGTH) return await createExpandedSigner(key);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Failure(`Cannot use the key in "${path}": ${error.message}`);
  }
  throw new Failure(`Cannot use the key in "${path}": neither 32 or 64 bytes nor as many in hex digits`);
}

/** Makes a key and a file for it that nobody else can read. @throws {Failure} If it cannot be written, or exists. */
export async function createKeyFile(path: string): Promise<Ed25519Signer> {
  const seed = crypto.getRandomValues(new Uint8Array(SEED_LENGTH));
  await writeNew(path, encodeUtf8(`${encodeHex(seed)}\n`), 0o600);
  return await createSigner(seed);
}
