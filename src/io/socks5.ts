/** Connections and datagrams through a SOCKS5 proxy (RFC 1928, RFC 1929), Tor and VPN services among them. */

import { concat } from "@std/bytes/concat";
import type { PeerAddress } from "../peer/address.ts";
import { addressScope, canonicalHost } from "../peer/ip.ts";
import type { OpeningTalk } from "./opening_talk.ts";
import { proxiedNetwork, type ProxyOptions, talkToProxy } from "./proxied_network.ts";
import { RelayedSocket } from "./socks5_datagrams.ts";
import {
  AUTHENTICATION,
  COMMANDS,
  decodeReplyAddress,
  encodeCredentials,
  encodeGreeting,
  encodeRequest,
  REFUSALS,
  REPLY_START_LENGTH,
  replyRest,
  SOCKS_VERSION,
} from "./socks5_messages.ts";
import type { BindOptions, Network } from "./transport.ts";

/** From where the datagrams will come we do not know before the world does (RFC 1928 section 4). */
const ANYWHERE: PeerAddress = { host: "0.0.0.0", port: 0 };

/**
 * A network behind a SOCKS5 proxy.
 *
 * - `dial` goes through it; a host may also be a name, which the proxy looks up, so that no query of ours shows it.
 * - `bindDatagram` asks it for a relay, which many proxies do not have.
 * - `listen`, `fetch` and looking up names are no part of SOCKS5. They fail, because past the proxy they would show who
 *   we are, unless `direct` names them. So HTTP trackers and web seeds need a `fetch` with a proxy of its own.
 *
 * Failures are `TransportError`s that say whether the way to the proxy, the proxy or the target is to blame.
 *
 * @throws {RangeError} If username or password are longer than 255 bytes.
 */
export function throughSocks5(network: Network, options: ProxyOptions): Network {
  const { username, password = "" } = options;
  const credentials = username === undefined ? undefined : encodeCredentials(username, password);
  const request = async (talk: OpeningTalk, command: number, target: PeerAddress) => {
    await logIn(talk, credentials);
    return await ask(talk, command, target);
  };
  const bindDatagram = async (bind: BindOptions = {}) => {
    const talkOptions = { ...options, purpose: "bind UDP through the SOCKS5 proxy" };
    return await talkToProxy(network, talkOptions, async (talk: OpeningTalk, control) => {
      const relay = await request(talk, COMMANDS.udpAssociate, ANYWHERE), { port } = relay;
      const host = isUnspecified(relay.host) ? control.remote?.host ?? options.proxy.host : relay.host;
      const [relayHost] = await network.resolve(host);
      if (relayHost === undefined) talk.fail("the relay has no address");
      return new RelayedSocket({
        control,
        socket: await network.bindDatagram(bind),
        relay: { host: relayHost, port },
      });
    });
  };
  return proxiedNetwork(network, options, {
    name: "SOCKS5 proxy",
    bindDatagram,
    async connect(talk, target, connection) {
      await request(talk, COMMANDS.connect, target);
      return connection;
    },
  });
}

/** Agrees on a proof of who we are, and gives it. */
async function logIn(talk: OpeningTalk, credentials: Uint8Array | undefined): Promise<void> {
  await talk.send(encodeGreeting(credentials !== undefined));
  const [version, method] = await talk.receiveExactly(2);
  if (version !== SOCKS_VERSION) talk.fail("the proxy does not speak SOCKS5");
  if (method === AUTHENTICATION.none) return;
  if (method !== AUTHENTICATION.password || credentials === undefined) {
    talk.fail(
      credentials === undefined ? "the proxy asks for a username and password" : "the proxy lets nobody in",
    );
  }
  await talk.send(credentials);
  const [, status] = await talk.receiveExactly(2);
  if (status !== 0) talk.fail("the proxy refuses the username or password");
}

/** Asks for something; answers the address in the reply. */
async function ask(talk: OpeningTalk, command: number, target: PeerAddress): Promise<PeerAddress> {
  await talk.send(encodeRequest(command, target));
  const start = await talk.receiveExactly(REPLY_START_LENGTH), [version, refusal] = start;
  if (version !== SOCKS_VERSION) talk.fail("the proxy does not speak SOCKS5");
  if (refusal !== 0) talk.fail(REFUSALS[refusal!] ?? `the proxy refuses with code ${refusal}`);
  const rest = replyRest(start);
  if (rest === undefined) talk.fail("the proxy's reply makes no sense");
  return decodeReplyAddress(concat([start, await talk.receiveExactly(rest)]));
}

function isUnspecified(host: string): boolean {
  return canonicalHost(host) !== undefined && addressScope(host) === "unspecified";
}
