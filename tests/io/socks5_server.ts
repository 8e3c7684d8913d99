/** A SOCKS5 proxy for tests, over any network, made of bare bytes: it shares no code with the client. */

import type { ByteConnection, DatagramSocket, Listener, Network } from "../../src/io/transport.ts";

/** What a proxy asks for and how it behaves. */
export interface Socks5ServerOptions {
  /** Who may come in; everybody if absent. */
  readonly user?: readonly [name: string, password: string];
  /** Refuses every request with this code. */
  readonly refusal?: number;
  /** The host that it names for its relay; its own by default. */
  readonly relayHost?: string;
}

const DECODER = new TextDecoder();

/** A running proxy. */
export class Socks5Server {
  /** What was asked for: "connect 10.0.0.1:80", "associate". */
  readonly asked: string[] = [];
  /** Where datagrams were sent to by the relay. */
  readonly relayed: string[] = [];
  /** The relay's socket of the last association. */
  relay: DatagramSocket | undefined;
  readonly #network: Network;
  readonly #listener: Listener;
  readonly #options: Socks5ServerOptions;
  readonly #open = new Set<{ close(): void }>();
  readonly #work = new Set<Promise<void>>();

  constructor(network: Network, listener: Listener, options: Socks5ServerOptions) {
    this.#network = network;
    this.#listener = listener;
    this.#options = options;
  }

  /** Listens on a port of `network`; ends with `close`. */
  static async open(
    network: Network,
    bind: { host: string; port: number },
    options: Socks5ServerOptions = {},
  ): Promise<Socks5Server> {
    const server = new Socks5Server(network, await network.listen(bind), options);
    server.#work.add(server.#run());
    return server;
  }

  get address(): Listener["address"] {
    return this.#listener.address;
  }

  /** Ends the proxy and all that goes through it. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const open of this.#open) open.close();
    await Promise.all(this.#work);
  }

  async #run(): Promise<void> {
    for await (const client of this.#listener) {
      this.#open.add(client);
      this.#work.add(this.#serve(client).catch(() => {}).finally(() => client.close()));
    }
  }

  async #serve(client: ByteConnection): Promise<void> {
    if (!await this.#letIn(client)) return;
    const [, command] = await read(client, 3), target = await readAddress(client);
    const { refusal } = this.#options;
    if (refusal !== undefined) return await client.write(Uint8Array.of(5, refusal, 0, 1, 0, 0, 0, 0, 0, 0));
    if (command === 3) return await this.#associate(client);
    this.asked.push(`connect ${target.host}:${target.port}`);
    let host: string;
    try {
      [host] = await this.#network.resolve(target.host) as [string];
    } catch {
      return await client.write(Uint8Array.of(5, 4, 0, 1, 0, 0, 0, 0, 0, 0));
    }
    let connection: ByteConnection;
    try {
      connection = await this.#network.dial({ host, port: target.port });
    } catch {
      return await client.write(Uint8Array.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0));
    }
    this.#open.add(connection);
    // The address in the reply is a name of odd length, to be read over.
    await client.write(Uint8Array.of(5, 0, 0, 3, 3, 97, 46, 98, 0, 9));
    await Promise.all([pump(client, connection), pump(connection, client)]);
  }

  async #letIn(client: ByteConnection): Promise<boolean> {
    const [, count] = await read(client, 2), methods = await read(client, count!);
    const { user } = this.#options;
    const method = user === undefined ? 0 : 2;
    if (!methods.includes(method)) {
      await client.write(Uint8Array.of(5, 0xff));
      return false;
    }
    await client.write(Uint8Array.of(5, method));
    if (user === undefined) return true;
    const [, nameLength] = await read(client, 2), name = DECODER.decode(await read(client, nameLength!));
    const [length] = await read(client, 1), password = DECODER.decode(await read(client, length!));
    const isKnown = name === user[0] && password === user[1];
    await client.write(Uint8Array.of(1, isKnown ? 0 : 1));
    return isKnown;
  }

  async #associate(client: ByteConnection): Promise<void> {
    this.asked.push("associate");
    const relay = await this.#network.bindDatagram({ host: this.address.host });
    this.relay = relay;
    this.#open.add(relay);
    const host = this.#options.relayHost ?? relay.address.host, { port } = relay.address;
    await client.write(Uint8Array.of(5, 0, 0, 1, ...host.split(".").map(Number), port >> 8, port & 255));
    const carrying = this.#carry(relay, client.remote!.host);
    try {
      await read(client, 1);
    } finally {
      relay.close();
      await carrying;
    }
  }

  /** Datagrams from the client's host are unwrapped and sent on, others are wrapped for the client. */
  async #carry(relay: DatagramSocket, clientHost: string): Promise<void> {
    const buffer = new Uint8Array(65536);
    let client: { host: string; port: number } | undefined;
    for (;;) {
      const datagram = await relay.receive(buffer);
      if (datagram === null) return;
      const { bytes, from } = datagram;
      if (from.host === clientHost && (client === undefined || from.port === client.port)) {
        client = from;
        const { host, port, length } = parseAddress(bytes.subarray(3));
        this.relayed.push(`${host}:${port}`);
        const [ip] = await this.#network.resolve(host);
        await relay.send(bytes.slice(3 + length), { host: ip!, port });
      } else if (client !== undefined) {
        await relay.send(wrap(from, bytes), client);
      }
    }
  }
}

/** A datagram as a relay sends it to its client. */
export function wrap(from: { host: string; port: number }, payload: Uint8Array, fragment = 0): Uint8Array {
  const ip = from.host.split(".").map(Number);
  return Uint8Array.of(0, 0, fragment, 1, ...ip, from.port >> 8, from.port & 255, ...payload);
}

async function read(connection: ByteConnection, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new Error("the client is gone");
    at += count;
  }
  return bytes;
}

async function readAddress(client: ByteConnection): Promise<{ host: string; port: number }> {
  const [type] = await read(client, 1);
  const length = type === 1 ? 4 : type === 4 ? 16 : (await read(client, 1))[0]!;
  const rest = await read(client, length + 2);
  const head = type === 3 ? Uint8Array.of(3, length) : Uint8Array.of(type!);
  return parseAddress(Uint8Array.of(...head, ...rest));
}

function parseAddress(bytes: Uint8Array): { host: string; port: number; length: number } {
  const [type] = bytes, start = type === 3 ? 2 : 1;
  const length = type === 1 ? 4 : type === 4 ? 16 : bytes[1]!, host = bytes.subarray(start, start + length);
  const at = start + length, port = bytes[at]! << 8 | bytes[at + 1]!;
  const groups = Array.from({ length: 8 }, (_, i) => (host[i * 2]! << 8 | host[i * 2 + 1]!).toString(16));
  const text = type === 1 ? host.join(".") : type === 3 ? DECODER.decode(host) : groups.join(":");
  return { host: text, port, length: at + 2 };
}

async function pump(from: ByteConnection, to: ByteConnection): Promise<void> {
  const buffer = new Uint8Array(16384);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    await to.write(buffer.subarray(0, count));
  }
  to.close();
}
