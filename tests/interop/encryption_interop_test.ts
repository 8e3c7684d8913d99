import { assertEquals } from "@std/assert";
import { aria2 } from "./clients/aria2.ts";
import type { Client, Job } from "./clients/client.ts";
import { libtorrent, type LibtorrentOptions, startLibtorrent } from "./clients/libtorrent.ts";
import { qbittorrent } from "./clients/qbittorrent.ts";
import { rtorrent } from "./clients/rtorrent.ts";
import { transmission } from "./clients/transmission.ts";
import { FOLDER } from "./contents.ts";
import { interop, us } from "./interop.ts";
import { type Lab, until } from "./lab.ts";
import { directions, transferDirectly } from "./matrix.ts";
import { downloadJob, preparePair, seedJob } from "./pair.ts";

const CLIENTS: readonly Client[] = [libtorrent, qbittorrent, rtorrent, aria2, transmission];

type Opinion = NonNullable<Job["encryption"]>;

/** The same client with an opinion about encryption. */
function withOpinion(client: Client, encryption: Opinion): Client {
  return {
    ...client,
    name: `${client.name}, encryption ${encryption}`,
    start: (host, job) => client.start(host, { ...job, encryption }),
  };
}

/** libtorrent that talks to nobody without an encrypted handshake, and agrees on one of these methods in it. */
function strictLibtorrent(methods: NonNullable<LibtorrentOptions["methods"]>): Client {
  return {
    ...libtorrent,
    name: `${libtorrent.name}, encryption required, ${methods}`,
    start: (host, job) => startLibtorrent(host, job, { transport: "tcp", encryption: "required", methods }),
  };
}

/** Both ways between a client and us, each with its opinion. */
function testTransfer(client: Client, ours?: Opinion): void {
  const we = ours === undefined ? us : withOpinion(us, ours);
  for (const { title, roles } of directions(client, we)) {
    const name = ours === undefined ? title : `${title}, and we have encryption ${ours}`;
    interop(name, { hosts: 3, needs: client.needs, oursOnly: true }, async (lab) => {
      await transferDirectly(lab, roles, await preparePair(lab, FOLDER));
    });
  }
}

for (const client of CLIENTS) {
  for (const opinion of client.encryption) testTransfer(withOpinion(client, opinion));
  testTransfer(withOpinion(client, "required"), "required");
}
testTransfer(strictLibtorrent("plaintext"));
testTransfer(strictLibtorrent("both"), "required");

/** We dial a seed, and say within seconds, and once, that there is no talking to it. */
async function assertNoTalk(lab: Lab, seed: Client, ours: Opinion, error: RegExp): Promise<void> {
  const pair = await preparePair(lab, FOLDER), { address } = await seed.start(lab.host(2), seedJob(pair));
  const { process } = await us.start(lab.host(3), { ...downloadJob(pair, address), encryption: ours });
  const said = () => process.events().filter(({ type }) => type === "dialFailed");
  await until("we give up", () => said().length > 0, 20_000);
  const [failure] = said(), [host, port] = address.split(":");
  assertEquals(failure?.address, { host, port: Number(port) });
  assertEquals(String(failure?.error).replace(error, "as expected"), "as expected");
  const types = new Set(process.events().map(({ type }) => type));
  assertEquals([types.has("peerConnected"), types.has("piece")], [false, false]);
}

for (const client of CLIENTS) {
  const seed = withOpinion(client, "required");
  interop(
    `we refuse encryption and cannot talk to ${seed.name}`,
    {
      hosts: 3,
      needs: client.needs,
      oursOnly: true,
    },
    (lab) => assertNoTalk(lab, seed, "refused", /^Cannot talk to \S+: (closed by peer|connection lost: .*)$/),
  );
}

for (const seed of [strictLibtorrent("plaintext"), withOpinion(libtorrent, "refused")]) {
  interop(`we require RC4 and cannot talk to ${seed.name}`, { hosts: 3, oursOnly: true }, (lab) => {
    return assertNoTalk(lab, seed, "required", /^Cannot encrypt connection: .*$/);
  });
}
