/** Which hosts were given an allowed-fast set: it is for starting peers, and who comes back is none (BEP 6 "Allowed Fast"). */

/** Hosts that are remembered; the oldest are forgotten. */
const MAX_HOSTS = 1024;

/** The memory of a torrent for peers that it has helped to start. */
export class Starters {
  readonly #hosts = new Set<string>();

  /** Number of hosts. */
  get size(): number {
    return this.#hosts.size;
  }

  /** Notes the host; answers whether it is new. */
  add(host: string): boolean {
    if (this.#hosts.has(host)) return false;
    for (const oldest of this.#hosts) {
      if (this.#hosts.size < MAX_HOSTS) break;
      this.#hosts.delete(oldest);
    }
    this.#hosts.add(host);
    return true;
  }
}
