/** `dht node`: a node of the DHT until it is stopped (BEP 5); one for each address (BEP 45). */

import { encodeHex } from "../../../bytes/text.ts";
import type { Client } from "../../../client/client.ts";
import type { DhtRunner } from "../../../io/dht_runner.ts";
import { withSignal } from "../../../io/with_signal.ts";
import { formatPeerAddress } from "../../../peer/address.ts";
import { chooseCacheFolder } from "../../cache_folder.ts";
import { takePlace } from "../../cache_place.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { dhtScreen, type DhtView } from "../../dht_screen.ts";
import { Display } from "../../display.ts";
import { formatCount } from "../../format.ts";
import { jsonLine } from "../../json.ts";
import { createPalette } from "../../render.ts";
import { Interrupted, type Terminal } from "../../terminal.ts";
import { withClient } from "../../with_client.ts";
import { readDhtClient } from "../../with_dht.ts";

/** How often `--json` tells the numbers, in milliseconds. */
const STATS_EVERY = 5000;

/** Takes part and shows how it goes. */
export const command: Command = defineCommand({
  operands: [],
  options: {
    ...DHT_OPTIONS,
    port: { kind: "port", value: "N", help: "UDP port to listen on, 0 for any [0]" },
    "read-only": { kind: "flag", help: "ask, but do not answer others" },
    timeout: { kind: "seconds", value: "SECONDS", help: "how long to take part [until Ctrl-C]" },
  },
  notes:
    `Answers others, keeps what they announce and store, and finds its place among them. It goes on while nobody
is to be reached, for somebody may come. With --json every event and, every five seconds, the numbers are a line.
For several addresses run one for each with --host: they are independent, and each keeps an id of its own (BEP 45).
Ctrl-C or SIGTERM ends it with exit code 0.`,
  async run({ options }, terminal) {
    const { json, timeout, host = "any", port = 0 } = options;
    const kind = `node-${host.replaceAll(":", "-")}-${port}`;
    const cache = chooseCacheFolder(options);
    using place = cache === undefined ? undefined : await takePlace(cache, kind);
    const keeping = place ? { folder: place.folder, keepsId: true } : { folder: cache };
    const clientOptions = await readDhtClient(options, { ...keeping, readOnly: options["read-only"] });
    return await withClient(clientOptions, terminal, json, async (client, interruption) => {
      const expiry = new AbortController(), signal = AbortSignal.any([interruption, expiry.signal]);
      const timer = timeout === undefined ? undefined : setTimeout(() => expiry.abort(), timeout * 1000);
      try {
        await takePart(client, signal, json, terminal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        clearTimeout(timer);
      }
      // Standard output that nobody reads any more is a failure; Ctrl-C and the end of the time are not.
      if (interruption.aborted && !(interruption.reason instanceof Interrupted)) throw interruption.reason;
      return 0;
    });
  },
});

async function takePart(
  client: Client,
  signal: AbortSignal,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  const events = client.events(), dht = await withSignal(client.dht(), signal);
  const id = encodeHex(dht.nodeId), address = await client.dhtAddress();
  if (json) {
    terminal.write(jsonLine({ type: "started", id, address }));
    return await tellStats(dht, signal, terminal);
  }
  terminal.write(`DHT node ${id} on ${formatPeerAddress(address)}\n`);
  await show({ dht, events, id, address }, signal, terminal);
}

async function tellStats(dht: DhtRunner, signal: AbortSignal, terminal: Terminal): Promise<void> {
  while (!signal.aborted) {
    terminal.write(jsonLine({ type: "stats", state: dht.state, ...dht.stats() }));
    await pause(STATS_EVERY, signal);
  }
}

/** A node at work, and everything that has happened since before it was started. */
interface LiveNode extends Pick<DhtView, "id" | "address"> {
  readonly dht: DhtRunner;
  readonly events: ReturnType<Client["events"]>;
}

/** A picture on a terminal; elsewhere a line whenever the state changes. */
async function show(
  { dht, events, id, address }: LiveNode,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<void> {
  const palette = createPalette(terminal.hasErrorColours), stop = () => void events.return?.();
  let externalHost: string | undefined;
  const view = () => ({ id, address, externalHost, state: dht.state ?? "bootstrapping", stats: dht.stats() });
  const display = new Display(terminal, (width) => dhtScreen(view(), width, palette));
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const event of events) {
      if (event.type === "externalAddress") externalHost = event.host;
      if (event.type !== "dht" || terminal.columns() !== undefined) continue;
      terminal.write(`${event.state}, ${formatCount(event.nodes, "node")}\n`);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    display.close();
  }
}

/** Waits so many milliseconds, or until the signal fires. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
