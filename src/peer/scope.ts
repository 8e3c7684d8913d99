/** What kinds of networks IP addresses belong to. */

/** What kind of network an IP address belongs to; `reserved` is good for nothing, like 240.0.0.1. */
export type AddressScope =
  | "unspecified"
  | "loopback"
  | "linkLocal"
  | "private"
  | "multicast"
  | "reserved"
  | "global";

// RFC 1122, 1918, 3879, 3927, 4193, 4291, 5771, 6598: the first range that holds the address decides.
const RANGES: readonly (readonly [prefix: readonly number[], bits: number, AddressScope])[] = [
  [[0], 8, "unspecified"],
  [[10], 8, "private"],
  [[100, 64], 10, "private"],
  [[127], 8, "loopback"],
  [[169, 254], 16, "linkLocal"],
  [[172, 16], 12, "private"],
  [[192, 168], 16, "private"],
  [[224], 4, "multicast"],
  [[240], 4, "reserved"],
];
const RANGES6: typeof RANGES = [
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"],
  [[0xfc], 7, "private"],
  [[0xfe, 0x80], 10, "linkLocal"],
  [[0xfe, 0xc0], 10, "private"],
  [[0xff], 8, "multicast"],
];

/** What kind of network an IP address of 4 or 16 bytes belongs to. */
export function scopeOf(ip: Uint8Array): AddressScope {
  const ranges = ip.length === 4 ? RANGES : RANGES6;
  for (const range of ranges) if (hasPrefix(ip, range[0], range[1])) return range[2];
  return "global";
}

function hasPrefix(bytes: Uint8Array, prefix: readonly number[], bits: number): boolean {
  for (let i = 0; i < prefix.length; i++) {
    const mask = 0xff00 >> Math.min(8, bits - i * 8) & 0xff;
    if (((bytes[i]! ^ prefix[i]!) & mask) !== 0) return false;
  }
  return true;
}
