/** Addresses of peers: an IP address as text and a port; text and compact forms (BEP 3, 7, 23). */

/** Where a peer listens or connects from. */
export interface PeerAddress {
  /** IPv4 in dotted form or IPv6 in canonical form (RFC 5952), without brackets. */
  readonly host: string;
  /** TCP or UDP port, 1 to 65535. */
  readonly port: number;
}
