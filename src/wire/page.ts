/** Memory for small outgoing messages: a view into a page costs a tenth of an allocation of its own. */

/** A page holds two hundred requests; what waits in a socket keeps no more than that alive. */
const PAGE_LENGTH = 4096;

/** Above this an allocation of its own is cheap beside the copy. */
const SMALL = 256;

let page = new Uint8Array(0), used = 0;

/** Gives `length` zero bytes that nobody else has or will have. */
export function freshBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > SMALL) return new Uint8Array(length);
  if (used + length > page.length) page = new Uint8Array(PAGE_LENGTH), used = 0;
  return page.subarray(used, used += length);
}
