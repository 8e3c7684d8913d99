/** URLs of trackers: which protocol, where, and what UDP calls URL data (BEP 3 "trackers", 12, 15, 41). */

/** How a tracker is spoken to. */
export type TrackerProtocol = "http" | "https" | "udp" | "ws" | "wss";

/** A tracker's URL in parts. */
export interface TrackerUrl {
  /** Scheme of the URL. */
  readonly protocol: TrackerProtocol;
  /** IP address without brackets, or DNS name. */
  readonly host: string;
  /** From the URL, else the port that the scheme implies. */
  readonly port: number;
  /** Path and query, as they stand: what a UDP announce says in its options (BEP 41 "Option Types"). */
  readonly urlData: string;
}

/** Ports of the schemes that imply one; a UDP tracker's URL must name it. */
const PORTS: { readonly [protocol in TrackerProtocol]: number | undefined } = {
  http: 80,
  https: 443,
  udp: undefined,
  ws: 80,
  wss: 443,
};

/** No tracker needs more; a torrent file could hold megabytes. */
const LONGEST = 2048;

/**
 * Takes a tracker's URL apart; `undefined` if it is none that can be announced to: another scheme, no host, no port
 * for UDP, too long, or with an info hash in it already, which would announce some other torrent.
 */
export function parseTrackerUrl(text: string): TrackerUrl | undefined {
  const url = text.length <= LONGEST ? URL.parse(text) : null;
  const protocol = url?.protocol.slice(0, -1);
  if (url === null || !isProtocol(protocol) || url.hostname === "" || url.searchParams.has("info_hash")) {
    return undefined;
  }
  const port = url.port === "" ? PORTS[protocol] : Number(url.port);
  if (port === undefined || port === 0) return undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { protocol, host, port, urlData: url.pathname + url.search };
}

function isProtocol(text: string | undefined): text is TrackerProtocol {
  return text !== undefined && Object.hasOwn(PORTS, text);
}
