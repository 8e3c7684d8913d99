/** Starts the peer that lies, on a host of a lab. */
import type { Host, Running } from "../lab.ts";
import { untilListening } from "../lab.ts";
import { PORT } from "./client.ts";
import type { RawPeerOptions } from "./raw_peer.ts";

const SCRIPT = new URL("./raw_peer.ts", import.meta.url).pathname;

/** A raw peer that runs. */
export interface RawPeer {
  readonly process: Running;
  readonly address: string;
}

/** Starts a raw peer that seeds one file. */
export async function startRawPeer(host: Host, options: Omit<RawPeerOptions, "listen">): Promise<RawPeer> {
  const address = `${host.address}:${PORT}`;
  const configuration = JSON.stringify({ ...options, listen: address });
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-config", SCRIPT, configuration];
  const process = host.spawn(`raw ${options.misdeed}`, command);
  await untilListening(process, PORT);
  return { process, address };
}
