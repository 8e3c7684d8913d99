/** `dht announce`: names this machine as a peer of a torrent (BEP 5 "announce_peer", BEP 33). */

import { encodeHex } from "../../../bytes/text.ts";
import { formatPeerAddress, type PeerAddress } from "../../../peer/address.ts";
import { UsageError } from "../../arguments.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { drawStored } from "../../dht_report.ts";
import { Failure } from "../../failure.ts";
import { readTorrentName } from "../../info_hash.ts";
import { jsonText } from "../../json.ts";
import { inquire, resolveName, withDht } from "../../with_dht.ts";

/** Announces a peer and prints those that are known already. */
export const command: Command = defineCommand({
  operands: ["HEX|MAGNET"],
  options: {
    ...DHT_OPTIONS,
    port: { kind: "port", value: "N", help: "TCP port of the peer, which must be given" },
    seed: { kind: "flag", help: "the peer has everything (BEP 33)" },
  },
  notes:
    `Nodes forget a peer after half an hour or so. They take its address from the datagram; the UDP port that
it comes from is any. Exit code 0 if at least one node took it.`,
  async run({ operands: [text], options }, terminal) {
    const name = readTorrentName(text), { port, seed, json } = options;
    if (!port) throw new UsageError("Missing port: give the --port of the peer");
    const peers: PeerAddress[] = [];
    return await withDht({ ...options, port: undefined }, terminal, async (work) => {
      const infoHash = await resolveName(work, name);
      for await (const news of inquire(work, { type: "announce", infoHash, port, seed })) {
        if (news.type === "peers") peers.push(...news.peers);
        if (news.type !== "stored") continue;
        const { nodes, refusals } = news;
        if (nodes === 0) throw new Failure(`No DHT node took the announce: ${drawStored(nodes, refusals)}`);
        const record = { infoHash: encodeHex(infoHash), port, nodes, refusals, peers };
        const lines = [
          `Announced port ${port} to ${drawStored(nodes, refusals)}`,
          ...peers.map(formatPeerAddress),
        ];
        terminal.write(json ? jsonText(record) : lines.map((line) => `${line}\n`).join(""));
      }
      return 0;
    });
  },
});
