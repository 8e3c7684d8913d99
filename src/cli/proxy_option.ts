/** A proxy named on the command line. */

import type { DenoProxy } from "../io/deno/open_network.ts";
import { UsageError } from "./arguments.ts";
import { readHostAndPort } from "./surroundings.ts";

/** Protocols by the schemes that users know them by; names are the proxy's matter either way. */
const PROTOCOLS = { socks5: "socks5", socks5h: "socks5", http: "http" } as const;

const PATTERN =
  /^(?<scheme>socks5h?|http):\/\/(?:(?<username>[^:@/]+)(?::(?<password>[^@/]*))?@)?(?<target>[^@/]+)\/?$/i;

/**
 * Reads `socks5://[USER:PASSWORD@]HOST:PORT` or the same with `http`. What is wrong is not repeated in errors: it may
 * hold a password.
 *
 * @throws {UsageError} If the text is nothing of the kind.
 */
export function readProxy(text: string): DenoProxy {
  const { scheme, username, password, target } = PATTERN.exec(text)?.groups ?? {};
  if (scheme === undefined || target === undefined) refuse();
  return {
    protocol: PROTOCOLS[scheme.toLowerCase() as keyof typeof PROTOCOLS],
    ...readHostAndPort(target),
    ...(username !== undefined && { username: unescape(username) }),
    ...(password !== undefined && { password: unescape(password) }),
  };
}

/** Credentials are percent-encoded, as everywhere in URLs. */
function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    refuse();
  }
}

function refuse(): never {
  throw new UsageError(
    "Cannot use --proxy: it is neither socks5://[USER:PASSWORD@]HOST:PORT nor http://[USER:PASSWORD@]HOST:PORT",
  );
}
