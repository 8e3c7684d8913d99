/** `demo`: everything at once, on this machine alone. */

import { UsageError } from "../arguments.ts";
import { type Command, defineCommand } from "../command.ts";
import { runDemo } from "../demo.ts";

const USUAL_SIZE = 64 << 20;

/** The seed gives each byte out in so many seconds: long enough to watch, short enough to wait for. */
const USUAL_SECONDS = 4;

/** Each one is a client with a folder of its own. */
const MOST_LEECHERS = 20;

/** Runs the demonstration. */
export const command: Command = defineCommand({
  operands: [],
  options: {
    size: { kind: "size", value: "SIZE", help: "bytes of payload [64M]" },
    leechers: { kind: "count", value: "N", help: "how many download it [2]" },
    "seed-rate": {
      kind: "size",
      value: "SIZE",
      help: "bytes a second that the seed sends, 0 for no limit [a quarter of the payload]",
    },
  },
  notes:
    `Makes some files in a temporary folder, a torrent of them, a tracker, a seed and leechers; downloads,
compares every byte, and removes it all. Nothing but loopback is used.`,
  async run({ options }, terminal) {
    const { size = USUAL_SIZE, leechers = 2 } = options;
    if (size < 1) throw new UsageError("Cannot use --size: there must be something to download");
    if (leechers < 1 || leechers > MOST_LEECHERS) {
      throw new UsageError(`Cannot use --leechers: it is no number from 1 to ${MOST_LEECHERS}`);
    }
    await runDemo(
      { size, leechers, seedRate: options["seed-rate"] ?? Math.ceil(size / USUAL_SECONDS) },
      terminal,
    );
    return 0;
  },
});
