/** Local service discovery on a real (or virtual) network: runs the beacon on the multicast groups (BEP 14). */

import type { Random } from "../bytes/random.ts";
import { encodeHex } from "../bytes/text.ts";
import { TransportError } from "../errors.ts";
import { LsdBeacon, type LsdEffect, type LsdInput } from "../lsd/beacon.ts";
import { LSD_GROUPS } from "../lsd/messages/announce.ts";
import type { PeerAddress } from "../peer/address.ts";
import { type AddressFamily, addressFamily, addressScope } from "../peer/ip.ts";
import type { Clock, DatagramSocket, Network } from "./transport.ts";
import { WakeTimer } from "./wake_timer.ts";

/** What a runner needs. */
export interface LsdRunnerOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** A local IP address: only its network takes part. All networks if absent or unspecified (`0.0.0.0`, `::`). */
  readonly host?: string;
  /** Where we listen for connections; without it we hear of others and say nothing. */
  readonly port?: number;
}

/** Somebody near is in a torrent of ours. */
type OnPeer = (address: PeerAddress) => void;

/** Longer than any announce (BEP 14 "ihash"). */
const BUFFER_LENGTH = 2048;

/** Takes part in local service discovery until `close`. */
export class LsdRunner {
  /** The address families whose group was joined. */
  readonly families: readonly AddressFamily[];
  readonly #clock: Clock;
  readonly #beacon: LsdBeacon;
  readonly #sockets: ReadonlyMap<AddressFamily, DatagramSocket>;
  readonly #members = new Map<string, OnPeer>();
  readonly #timer: WakeTimer;
  #isClosed = false;

  /**
   * Joins the group of each address family, or of the one that there is.
   *
   * @throws {TransportError} If neither can be joined; `cause` has both reasons.
   */
  static async start(options: LsdRunnerOptions): Promise<LsdRunner> {
    const { network, host } = options, isAll = host === undefined || addressScope(host) === "unspecified";
    const sockets = new Map<AddressFamily, DatagramSocket>(), faults: unknown[] = [];
    for (const family of familiesOf(host)) {
      const { host: multicast, port } = LSD_GROUPS[family];
      try {
        sockets.set(family, await network.bindDatagram({ multicast, port, ...(isAll ? {} : { host }) }));
      } catch (cause) {
        faults.push(cause);
      }
    }
    if (sockets.size > 0) return new LsdRunner(options, sockets);
    throw new TransportError("Cannot use local service discovery: no multicast group can be joined", {
      cause: new AggregateError(faults),
    });
  }

  /** Use {@linkcode LsdRunner.start}. */
  constructor(options: LsdRunnerOptions, sockets: ReadonlyMap<AddressFamily, DatagramSocket>) {
    const { clock, random, port } = options;
    this.families = [...sockets.keys()];
    this.#clock = clock;
    this.#sockets = sockets;
    this.#beacon = new LsdBeacon({ random, families: this.families, ...(port !== undefined && { port }) });
    this.#timer = new WakeTimer({ clock, machine: this.#beacon, onDue: () => this.#tell({ type: "tick" }) });
    for (const socket of sockets.values()) void this.#receive(socket);
  }

  /**
   * Announces a torrent that is not private (BEP 27), and tells of others who do; the answer ends it. The info hash has 20
   * bytes; a hybrid torrent joins with both.
   */
  join(infoHash: Uint8Array, onPeer: OnPeer): () => void {
    const key = encodeHex(infoHash);
    this.#members.set(key, onPeer);
    this.#tell({ type: "join", infoHash });
    return () => {
      if (this.#members.get(key) !== onPeer) return;
      this.#members.delete(key);
      this.#tell({ type: "leave", infoHash });
    };
  }

  /** Where we listen from now on; `undefined` if nowhere. */
  listensOn(port: number | undefined): void {
    this.#tell({ type: "port", port });
  }

  /** Leaves the groups. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#timer.close();
    this.#members.clear();
    for (const socket of this.#sockets.values()) socket.close();
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    const buffer = new Uint8Array(BUFFER_LENGTH);
    for (;;) {
      const datagram = await socket.receive(buffer).catch(() => null);
      if (datagram === null) return;
      this.#tell({ type: "datagram", ...datagram });
    }
  }

  #tell(input: LsdInput): void {
    if (this.#isClosed) return;
    for (const effect of this.#beacon.handle(input, this.#clock.now())) this.#perform(effect);
    this.#timer.update();
  }

  #perform(effect: LsdEffect): void {
    if (effect.type === "peer") return this.#members.get(encodeHex(effect.infoHash))?.(effect.address);
    const socket = this.#sockets.get(addressFamily(effect.to.host));
    // A network that is down now is no reason to give up: the next announce comes.
    void socket?.send(effect.bytes, effect.to).catch(() => {});
  }
}

function familiesOf(host: string | undefined): readonly AddressFamily[] {
  if (host === undefined || host === "::") return [4, 6];
  return [addressFamily(host)];
}
