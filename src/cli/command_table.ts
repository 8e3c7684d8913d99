/** Every command, in the order of the help. Commands are loaded when they are asked for. */

import type { Command } from "./command.ts";

/** A command that is not loaded yet. */
export interface CommandEntry {
  /** What it does, in one line. */
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

/** Commands that share their first word. */
export interface CommandGroup {
  /** What they are about, in one line. */
  readonly summary: string;
  /** By their second word. */
  readonly commands: CommandTable;
}

/** Commands by name. */
export type CommandTable = Readonly<Record<string, CommandEntry | CommandGroup>>;

const DHT: CommandTable = {
  ping: { summary: "Ask one DHT node whether it is there", load: () => import("./commands/dht/ping.ts") },
  find: { summary: "Find the DHT nodes nearest to an id", load: () => import("./commands/dht/find.ts") },
  "get-peers": {
    summary: "Find peers of a torrent in the DHT",
    load: () => import("./commands/dht/get_peers.ts"),
  },
  announce: {
    summary: "Tell the DHT that there is a peer of a torrent here",
    load: () => import("./commands/dht/announce.ts"),
  },
  scrape: {
    summary: "Estimate how many peers a torrent has in the DHT",
    load: () => import("./commands/dht/scrape.ts"),
  },
  get: { summary: "Fetch a value that the DHT stores", load: () => import("./commands/dht/get.ts") },
  put: { summary: "Store a value in the DHT", load: () => import("./commands/dht/put.ts") },
  key: {
    summary: "Make a key for values and torrents of one's own",
    load: () => import("./commands/dht/key.ts"),
  },
  publish: {
    summary: "Name a torrent under a key, for others to follow",
    load: () => import("./commands/dht/publish.ts"),
  },
  follow: {
    summary: "Tell which torrent a key stands for, as it changes",
    load: () => import("./commands/dht/follow.ts"),
  },
  sample: {
    summary: "Ask one DHT node for info hashes that it knows",
    load: () => import("./commands/dht/sample.ts"),
  },
  crawl: {
    summary: "Gather info hashes from all over the DHT",
    load: () => import("./commands/dht/crawl.ts"),
  },
  node: { summary: "Take part in the DHT", load: () => import("./commands/dht/node.ts") },
};

/** Every command. */
export const COMMANDS: CommandTable = {
  create: { summary: "Make a torrent of a file or folder", load: () => import("./commands/create.ts") },
  info: { summary: "Show what a torrent or magnet link says", load: () => import("./commands/info.ts") },
  magnet: {
    summary: "Turn a torrent into a magnet link, or a link into a torrent",
    load: () => import("./commands/magnet.ts"),
  },
  edit: {
    summary: "Change what a torrent says besides its content",
    load: () => import("./commands/edit.ts"),
  },
  verify: { summary: "Check content on disk against a torrent", load: () => import("./commands/verify.ts") },
  download: { summary: "Fetch the content of a torrent", load: () => import("./commands/download.ts") },
  seed: { summary: "Serve content that is there", load: () => import("./commands/seed.ts") },
  announce: {
    summary: "Ask trackers for the peers of a torrent",
    load: () => import("./commands/announce.ts"),
  },
  scrape: {
    summary: "Ask trackers for the numbers of a torrent",
    load: () => import("./commands/scrape.ts"),
  },
  dht: { summary: "Ask the distributed hash table, or take part in it", commands: DHT },
  demo: {
    summary: "Make, track, seed, fetch and verify on this machine",
    load: () => import("./commands/demo.ts"),
  },
};

/** Where the words of a command line lead. */
export interface Place {
  /** Words that name a command or group; empty at the top. */
  readonly words: readonly string[];
  /** The command or group; `undefined` at the top. */
  readonly entry: CommandEntry | CommandGroup | undefined;
  /** What is behind those words. */
  readonly rest: readonly string[];
}

/** Follows words down the table as far as they lead. */
export function findCommand(args: readonly string[]): Place {
  let entry: CommandEntry | CommandGroup | undefined, table: CommandTable | undefined = COMMANDS, depth = 0;
  for (; table !== undefined; depth++) {
    const word = args[depth];
    if (word === undefined || !Object.hasOwn(table, word)) break;
    entry = table[word]!;
    table = "commands" in entry ? entry.commands : undefined;
  }
  return { words: args.slice(0, depth), entry, rest: args.slice(depth) };
}
