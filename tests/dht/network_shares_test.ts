import { assert, assertEquals } from "@std/assert";
import { NetworkShares } from "../../src/dht/network_shares.ts";
import { encodeCompactPeer } from "../../src/peer/compact_peer.ts";

const at = (host: string) => encodeCompactPeer({ host, port: 6881 });

Deno.test("NetworkShares counts by /24 and /48, and what is given back may be taken again", () => {
  for (
    const [one, same, other] of [["66.6.6.1", "66.6.6.200", "66.6.7.1"], [
      "2a00:1:2::1",
      "2a00:1:2:ffff::1",
      "2a00:1:3::1",
    ]] as const
  ) {
    const shares = new NetworkShares(2), first = shares.take(at(one));
    assert(!shares.isSpent(at(same)));
    shares.take(at(same));
    assert(shares.isSpent(at(one)) && shares.isSpent(at(same)) && !shares.isSpent(at(other)));
    shares.giveBack(first);
    assert(!shares.isSpent(at(one)));
  }
});

Deno.test("NetworkShares counts nothing of local networks", () => {
  const shares = new NetworkShares(1);
  for (const host of ["10.0.0.1", "127.0.0.1", "fd00::1"]) {
    assertEquals(shares.take(at(host)), undefined);
    assert(!shares.isSpent(at(host)));
    shares.giveBack(undefined);
  }
});
