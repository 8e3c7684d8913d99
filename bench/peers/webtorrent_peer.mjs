// webtorrent in Node, as leecher or seeder. Runs from a folder with `webtorrent` installed.
//   node webtorrent_peer.mjs leech TORRENT DIRECTORY PORT HOST:PORT | seed TORRENT DIRECTORY PORT
import fs from "node:fs";
import process from "node:process";

// Not by its name: whoever checks types of this folder has it not.
const packageName = "webtorrent", { default: WebTorrent } = await import(packageName);
const [mode, torrent, path, port, peer] = process.argv.slice(2);
const quiet = { dht: false, tracker: false, lsd: false, utPex: false, natUpnp: false, natPmp: false };
const client = new WebTorrent({ ...quiet, torrentPort: +port, utp: false, webSeeds: false, secure: 0 });
const give = (error) => (console.error(error), process.exit(1));
client.on("error", give);
const added = client.add(
  fs.readFileSync(torrent),
  { path, skipVerify: mode === "seed", announce: [] },
  () => mode === "seed" && console.log("READY"),
);
if (mode === "leech") {
  for (const event of ["infoHash", "ready"]) added.on(event, () => added.addPeer(peer));
  added.on("done", () => process.exit(0));
}
