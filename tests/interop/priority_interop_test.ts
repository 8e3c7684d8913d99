/** Of many peers that dial, libtorrent and we keep the same few: both rank them by canonical priority (BEP 40). */
import { peerPriority } from "../../src/peer/priority.ts";
import { endpoint, PORT } from "./clients/client.ts";
import { CLI } from "./clients/ours.ts";
import { LIBTORRENT, PYTHON, SINGLE, type Torrent, writeTorrent } from "./contents.ts";
import { interop } from "./interop.ts";
import { type Host, type Lab, type Running, until, untilListening } from "./lab.ts";

/** Who has few places, and who dial: one of the same /24, one of the same /16, and others. */
const MIDDLE = "52.200.9.7", TRACKER = "52.250.1.1", PLACES = 2;
const OTHERS = ["52.200.9.99", "52.200.77.7", "52.10.1.7", "52.20.130.7", "52.130.65.9", "52.77.3.200"];

const priorityOf = (host: string) => peerPriority({ host: MIDDLE, port: PORT }, { host, port: PORT });

/** libtorrent on a host, over TCP alone. */
function startLibtorrent(host: Host, torrent: Torrent, address: string, ...args: readonly string[]): Running {
  return host.spawn("libtorrent", [
    ...[PYTHON, LIBTORRENT, "peer", "--torrent", torrent.path, "--folder", host.folder("theirs")],
    ...["--transport", "tcp", "--listen", endpoint(address), ...args],
  ]);
}

/** A client that is told of the middle and looks for nobody else. */
function startOurs(host: Host, torrent: Torrent, address: string): Running {
  const quiet = ["--no-dht", "--no-pex", "--no-announce", "--json"];
  const places = ["-o", host.folder("ours"), "--host", address, "--peer", endpoint(MIDDLE)];
  return host.spawn("ours", [...CLI, "download", torrent.path, ...places, ...quiet]);
}

/** Ranks in the order of their coming: some newcomers take the place of another, some are turned away. */
const ORDER = [2, 0, 4, 1, 5, 3];

/** How either client says that a connection ended, be it before or behind the handshake. */
const ENDS: readonly unknown[] = ["peerClosed", "dialFailed", "peer_disconnected"];

function wasClosed(process: Running): boolean {
  return process.events().some(({ type, what }) => ENDS.includes(type ?? what));
}

/** Lets the others dial one by one; of all that have come the best are connected, and nobody else. */
async function dialOneByOne(
  lab: Lab,
  connected: () => readonly string[] | undefined,
  start: (host: Host, address: string) => Running,
): Promise<void> {
  const ranked = OTHERS.toSorted((a, b) => priorityOf(a) - priorityOf(b)), came: string[] = [];
  for (const [i, rank] of ORDER.entries()) {
    const address = ranked[rank]!, host = lab.host(3 + i);
    await host.addAddress(`${address}/8`);
    const newcomer = start(host, address);
    came.push(address);
    const best = came.toSorted((a, b) => priorityOf(b) - priorityOf(a)).slice(0, PLACES).sort();
    if (!best.includes(address)) await until(`${address} is turned away`, () => wasClosed(newcomer), 20_000);
    await until(`${best} are connected`, () => JSON.stringify(connected()) === JSON.stringify(best), 20_000);
  }
}

interop(
  "libtorrent keeps the peers that we rank highest (BEP 40)",
  { hosts: 8, oursOnly: true },
  async (lab) => {
    await lab.host(2).addAddress(`${MIDDLE}/8`);
    const torrent = await writeTorrent(SINGLE, { folder: lab.folder });
    const middle = startLibtorrent(lab.host(2), torrent, MIDDLE, "--places", String(PLACES));
    await untilListening(middle, PORT);
    const connected = () => middle.events().findLast(({ event }) => event === "peers")?.hosts as string[];
    await dialOneByOne(lab, connected, (host, address) => startOurs(host, torrent, address));
  },
);

interop(
  "we keep the peers of libtorrent that rank highest (BEP 40)",
  { hosts: 8, oursOnly: true },
  async (lab) => {
    await lab.host(1).addAddress(`${TRACKER}/8`);
    await lab.host(2).addAddress(`${MIDDLE}/8`);
    const run = (
      name: string,
    ) => [...CLI.slice(0, -1), new URL(`./clients/${name}`, import.meta.url).pathname];
    const tracker = lab.host(1).spawn("tracker", [...run("our_tracker.ts"), TRACKER, "7000"]);
    await untilListening(tracker, 7000);
    const plain = await writeTorrent(SINGLE, { folder: lab.folder });
    const torrent = await writeTorrent(SINGLE, {
      folder: lab.host(2).folder("torrent"),
      announce: `http://${TRACKER}:7000/announce`,
    });
    const args = [torrent.path, lab.host(2).folder("ours"), MIDDLE, String(PORT), String(PLACES)];
    const middle = lab.host(2).spawn("ours", [...run("our_few.ts"), ...args]);
    await until(
      "we know our address",
      () => middle.events().some(({ externalHost }) => externalHost === MIDDLE),
    );
    const connected = () => middle.events().findLast(({ hosts }) => hosts !== undefined)?.hosts as string[];
    const dial = ["--peer", endpoint(MIDDLE)];
    await dialOneByOne(lab, connected, (host, address) => startLibtorrent(host, plain, address, ...dial));
  },
);
