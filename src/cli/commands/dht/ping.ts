/** `dht ping`: whether a DHT node is there (BEP 5 "ping"). */

import { encodeHex } from "../../../bytes/text.ts";
import { formatPeerAddress, type PeerAddress } from "../../../peer/address.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { Failure } from "../../failure.ts";
import { formatElapsed } from "../../format.ts";
import { jsonLine } from "../../json.ts";
import { resolvePeers } from "../../peers.ts";
import { type DhtWork, inquire, withoutJoining } from "../../with_dht.ts";

/** What `--json` prints. */
interface Pong extends PeerAddress {
  /** 40 hex digits. */
  readonly id: string;
  readonly roundTripMs: number;
}

/** Pings every address of a host. */
export const command: Command = defineCommand({
  operands: ["HOST:PORT"],
  options: DHT_OPTIONS,
  notes: "Nobody else is asked, unless --node or --router name somebody.\nExit code 0 if the node answers.",
  async run({ operands: [place], options }, terminal) {
    const addresses = await resolvePeers([place]);
    return await withoutJoining(options, terminal, async (work) => {
      const pongs = (await Promise.all(addresses.map((address) => ping(work, address)))).flat();
      if (pongs.length === 0) throw new Failure(`No answer from "${place}"`);
      for (const pong of pongs) terminal.write(options.json ? jsonLine(pong) : `${draw(pong)}\n`);
      return 0;
    });
  },
});

/** The answer, or none. */
async function ping(work: DhtWork, address: PeerAddress): Promise<readonly Pong[]> {
  const pongs: Pong[] = [];
  try {
    for await (const news of inquire(work, { type: "ping", address })) {
      if (news.type !== "pong") continue;
      const { node, roundTripMs } = news;
      pongs.push({ ...node.address, id: encodeHex(node.id), roundTripMs });
    }
  } catch (error) {
    // The host has addresses of a family that we are not to send from.
    if (!(error instanceof RangeError)) throw error;
  }
  return pongs;
}

function draw({ id, roundTripMs, ...address }: Pong): string {
  return `${id}  ${formatPeerAddress(address)}  ${formatElapsed(roundTripMs)}`;
}
