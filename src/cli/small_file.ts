/** Files that are short or not what they should be. */

import { describeSystemError, Failure } from "./failure.ts";

/** Reads a file, also from a pipe. @throws {Failure} If it cannot be read or has more than `most` bytes. */
export async function readSmallFile(path: string, most: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(most + 1);
  let length = 0;
  try {
    using file = await Deno.open(path);
    while (length < buffer.length) {
      const read = await file.read(buffer.subarray(length));
      if (read === null) return buffer.subarray(0, length);
      length += read;
    }
  } catch (error) {
    throw new Failure(`Cannot read "${path}": ${describeSystemError(error)}`);
  }
  throw new Failure(`Cannot use "${path}": it has more than ${most} bytes`);
}
