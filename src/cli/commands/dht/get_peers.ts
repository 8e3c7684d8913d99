/** `dht get-peers`: peers of a torrent (BEP 5 "get_peers"). */

import { encodeHex } from "../../../bytes/text.ts";
import { formatPeerAddress, type PeerAddress } from "../../../peer/address.ts";
import { type Command, defineCommand } from "../../command.ts";
import { DHT_OPTIONS } from "../../dht_options.ts";
import { formatCount } from "../../format.ts";
import { readTorrentName } from "../../info_hash.ts";
import { jsonLine } from "../../json.ts";
import { inquire, resolveName, withDht } from "../../with_dht.ts";

/** Looks for peers and prints each as soon as it is known. */
export const command: Command = defineCommand({
  operands: ["HEX|MAGNET"],
  options: DHT_OPTIONS,
  notes:
    `One peer a line, as they come in; with --json one object a line. Of a link with a key (xs=urn:btpk:) the peers are
those of the torrent that the key stands for now.
Exit code 0 also if nodes answered, but none of them knew a peer.`,
  async run({ operands: [text], options }, terminal) {
    const name = readTorrentName(text);
    return await withDht(options, terminal, async (work) => {
      const infoHash = await resolveName(work, name), label = encodeHex(infoHash);
      const draw = (peer: PeerAddress) =>
        options.json ? jsonLine({ infoHash: label, ...peer }) : `${formatPeerAddress(peer)}\n`;
      let count = 0;
      for await (const news of inquire(work, { type: "getPeers", infoHash })) {
        if (news.type === "peers") {
          count += news.peers.length;
          terminal.write(news.peers.map(draw).join(""));
        } else if (news.type === "done" && terminal.columns() !== undefined) {
          const { queries, replies } = news.report;
          terminal.writeError(
            `${formatCount(count, "peer")}; ${replies} of ${formatCount(queries, "node")} answered\n`,
          );
        }
      }
      return 0;
    });
  },
});
