/** Connections through an HTTP proxy by its CONNECT method (RFC 9110 section 9.3.6), with Basic credentials (RFC 7617). */

import { encodeByteString, encodeUtf8 } from "../bytes/text.ts";
import { formatPeerAddress } from "../peer/address.ts";
import type { OpeningTalk } from "./opening_talk.ts";
import { proxiedNetwork, type ProxyOptions } from "./proxied_network.ts";
import type { Network } from "./transport.ts";
import { unread } from "./unread.ts";

/** Bytes of a response's head: what web servers take of a request's. */
const MAX_HEAD_LENGTH = 16 * 1024;
/** Bytes read at once; a usual head fits. */
const READ_LENGTH = 1024;
/** Of a proxy's words so much is shown. */
const MAX_REASON_LENGTH = 80;

const HEAD_END = "\r\n\r\n";

/**
 * A network behind an HTTP proxy.
 *
 * - `dial` goes through it; a host may also be a name, which the proxy looks up, so that no query of ours shows it.
 * - `bindDatagram`, `listen`, `fetch` and looking up names do not go through CONNECT. They fail, because past the proxy
 *   they would show who we are, unless `direct` names them. So HTTP trackers and web seeds need a `fetch` with a proxy of
 *   its own.
 *
 * Failures are `TransportError`s that say whether the way to the proxy, the proxy or the target is to blame.
 *
 * @throws {RangeError} If the username contains a colon.
 */
export function throughHttpConnect(network: Network, options: ProxyOptions): Network {
  const { username, password = "" } = options;
  const credentials = username === undefined ? undefined : basicCredentials(username, password);
  return proxiedNetwork(network, options, {
    name: "HTTP proxy",
    async connect(talk, target, connection) {
      await talk.send(encodeUtf8(requestText(formatPeerAddress(target), credentials)));
      const { head, rest } = await receiveHead(talk);
      checkStatus(talk, head, credentials !== undefined);
      return unread(connection, rest);
    },
  });
}

function basicCredentials(username: string, password: string): string {
  if (username.includes(":")) throw new RangeError("Cannot log in to proxy: the username contains a colon");
  return btoa(encodeByteString(encodeUtf8(`${username}:${password}`)));
}

function requestText(authority: string, credentials: string | undefined): string {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (credentials !== undefined) lines.push(`Proxy-Authorization: Basic ${credentials}`);
  return lines.join("\r\n") + HEAD_END;
}

/** The head of the response, and what came of the stream behind it. */
async function receiveHead(
  talk: OpeningTalk,
): Promise<{ readonly head: string; readonly rest: Uint8Array }> {
  const buffer = new Uint8Array(READ_LENGTH);
  for (let head = ""; head.length < MAX_HEAD_LENGTH;) {
    const bytes = await talk.receive(buffer);
    head += encodeByteString(bytes);
    if (!head.startsWith("HTTP/".slice(0, head.length))) talk.fail("the proxy does not speak HTTP");
    const end = head.indexOf(HEAD_END, head.length - bytes.length - HEAD_END.length);
    if (end < 0) continue;
    const restLength = head.length - end - HEAD_END.length;
    return { head: head.slice(0, end), rest: bytes.slice(bytes.length - restLength) };
  }
  return talk.fail("the proxy's answer is too long");
}

function checkStatus(talk: OpeningTalk, head: string, hasCredentials: boolean): void {
  const [, status, phrase = ""] = /^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?(?:\r|$)/.exec(head) ?? [];
  if (status === undefined) talk.fail("the proxy does not speak HTTP");
  if (status.startsWith("2")) return;
  if (status === "407") {
    const verdict = hasCredentials ? "refuses the" : "asks for a";
    talk.fail(`the proxy ${verdict} username ${hasCredentials ? "or" : "and"} password`);
  }
  const shown = phrase.replace(/[^\x20-\x7e]/g, "").slice(0, MAX_REASON_LENGTH).trim();
  talk.fail(`the proxy answered ${status}${shown === "" ? "" : ` ${shown}`}`);
}
