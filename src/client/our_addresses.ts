/** Where the world sees a client, one address of each family, and whose word that is (BEP 10 `yourip`, BEP 24, BEP 42). */

import { isIpv6 } from "../peer/ip.ts";
import { nearnessOf } from "../peer/nearness.ts";
import type { Witness } from "./client_context.ts";

/** How much a word counts: one tracker may be mistaken, peers of several networks less so, and of DHT nodes many are asked. */
const RANKS: { readonly [witness in Witness]: number } = { tracker: 0, peers: 1, dht: 2 };

/** What is known of our addresses. */
export class OurAddresses {
  /** By whether the address is of IPv6. */
  readonly #known = new Map<boolean, { readonly host: string; readonly witness: Witness }>();

  /** Every IP address by which the world sees us. */
  hosts(): readonly string[] {
    return Array.from(this.#known.values(), ({ host }) => host);
  }

  /**
   * Somebody says that the world sees us at this IP address. Answers whether that is believed: nobody overrules who counts more,
   * and of trackers the first counts, since two may see us differently for ever.
   */
  hear(host: string, witness: Witness): boolean {
    const isV6 = isIpv6(host), known = this.#known.get(isV6);
    if (witness !== "dht" && nearnessOf(host) === undefined) return false;
    const by = known === undefined ? Infinity : RANKS[witness] - RANKS[known.witness];
    if (by < 0 || by === 0 && witness === "tracker") return false;
    this.#known.set(isV6, { host, witness });
    return true;
  }
}
