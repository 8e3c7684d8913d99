/** Addresses for property tests. */
import fc from "fast-check";
import type { PeerAddress } from "../../src/peer/address.ts";
import { formatIp } from "../../src/peer/ip.ts";

/** The bytes of an IP address. */
export const ip: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Many zero groups, so that the compression of RFC 5952 is at work.
  fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 }).map((a) =>
    Uint8Array.from(a)
  ),
);

/** A peer's address. */
export const address: fc.Arbitrary<PeerAddress> = fc.record({
  host: ip.map(formatIp),
  port: fc.integer({ min: 1, max: 65535 }),
});
