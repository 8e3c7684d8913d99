/** A DHT of a few nodes of our own on loopback, for tests of commands that ask it. */

import { type Client, createClient } from "../../src/client/client.ts";
import { formatPeerAddress } from "../../src/peer/address.ts";
import { type Outcome, run } from "./fake_terminal.ts";

/** A node on loopback that begins with others, if any. */
export async function startNode(...others: readonly Client[]): Promise<Client> {
  const nodes = await Promise.all(others.map((other) => other.dhtAddress()));
  const client = await createClient({
    host: "127.0.0.1",
    port: false,
    resume: false,
    dht: { routers: [], nodes },
  });
  await client.dht();
  return client;
}

/** Makes every node known to all others. */
async function acquaint(clients: readonly Client[]): Promise<void> {
  for (const client of clients) {
    const node = await client.dht();
    for (const other of clients) if (other !== client) node.addNode(await other.dhtAddress());
    while (node.nodes().length < clients.length - 1) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface LoopbackDht {
  readonly clients: readonly Client[];
  /** Where the first node is, as `HOST:PORT`. */
  readonly place: string;
  /** Options that lead a `dht` command there and keep nothing. */
  readonly entry: readonly string[];
  /** Runs a `dht` command there. */
  dht(...args: string[]): Promise<Outcome>;
}

export async function withDht(body: (dht: LoopbackDht) => Promise<void>): Promise<void> {
  const clients = [await startNode()];
  try {
    for (let i = 0; i < 2; i++) {
      clients.push(await startNode(clients[0]!));
    }
    await acquaint(clients);
    const place = formatPeerAddress(await clients[0]!.dhtAddress());
    const entry = ["--node", place, "--host", "127.0.0.1", "--no-cache"];
    await body({ clients, place, entry, dht: (...args) => run("dht", ...args, ...entry) });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** A UDP port of loopback where nobody answers. */
export async function withSilence(body: (place: string) => Promise<void>): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  try {
    await body(`127.0.0.1:${(socket.addr as Deno.NetAddr).port}`);
  } finally {
    socket.close();
  }
}
