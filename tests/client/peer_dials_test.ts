import { assertEquals } from "@std/assert";
import { BanList } from "../../src/client/ban_list.ts";
import { ConnectionCount } from "../../src/client/client_context.ts";
import { PeerDials, type PeerDialsOptions } from "../../src/client/peer_dials.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

const PEER = { host: "10.0.0.1", port: 6881 };

Deno.test("PeerDials.dial() lets go of a host that was banned while the connection came to stand", async () => {
  const banned = new BanList(), seen: unknown[] = [];
  const context = {
    ...{ banned, connections: new ConnectionCount(1), clock: new VirtualClock(), encryption: "disabled" },
    limit: (connection: unknown) => connection,
    network: {
      dial: () => {
        banned.add(PEER.host);
        return Promise.resolve({ close: () => seen.push("closed") });
      },
    },
  };
  const dials = new PeerDials(
    {
      context,
      life: { infoHash: "", emit: ({ error }: { error: Error }) => seen.push(error.message) },
      names: { dial: () => ({ infoHash: new Uint8Array(20) }) },
      host: () => ({ dialFailed: ({ host }: { host: string }) => seen.push(host) }),
      makeSocket: () => {
        throw new Error("nobody is to be talked to");
      },
    } as unknown as PeerDialsOptions,
  );
  await dials.dial(PEER);
  assertEquals(seen, ["closed", "Cannot talk to 10.0.0.1:6881: banned", PEER.host]);
});
