/** The choker's clock and memory: a round every 10 s, a new optimistic unchoke every 30 s (BEP 3 "choking"). */

import type { Random } from "../bytes/random.ts";
import { chooseByRate, chooseOptimistic, type InterestedPeer } from "./choking.ts";
import type { PeerKey } from "./vocabulary.ts";

/** Time between rounds: short enough to answer, long enough for TCP to reach its speed (BEP 3 "choking"). */
const ROUND_MS = 10_000;
/** Rounds until the optimistic unchoke goes on to another peer: 30 s, enough for a newcomer to get a piece to trade. */
const ROUNDS_PER_TURN = 3;
/** One slot in so many is optimistic; at least one. */
const SLOTS_PER_OPTIMISTIC = 5;

/** Decides once per round; remembers who is unchoked optimistically. */
export class Choker {
  readonly #slots: number;
  readonly #random: Random;
  readonly #optimistic = new Set<PeerKey>();
  #round = 0;
  #nextRoundAt: number;

  /** `slots` peers are unchoked at most. */
  constructor(slots: number, random: Random, now: number) {
    this.#slots = slots;
    this.#random = random;
    this.#nextRoundAt = now + ROUND_MS;
  }

  /** When the next round is due. */
  get nextRoundAt(): number {
    return this.#nextRoundAt;
  }

  /** Decides a round: the answer names every peer that is to be unchoked; all others are choked. */
  decide(peers: readonly InterestedPeer[], now: number): ReadonlySet<PeerKey> {
    const isNewTurn = this.#round++ % ROUNDS_PER_TURN === 0;
    this.#nextRoundAt = now + ROUND_MS;
    const optimisticSlots = Math.max(1, Math.floor(this.#slots / SLOTS_PER_OPTIMISTIC));
    const regular = new Set(chooseByRate(peers, this.#slots - optimisticSlots, this.#random));
    const others = peers.filter((peer) => !regular.has(peer.key));
    this.#turn(others, { slots: this.#slots - regular.size, isNewTurn, now });
    return new Set([...regular, ...this.#optimistic]);
  }

  /** Chooses whom to unchoke between rounds, when `free` slots are not taken: nobody waits for a round in vain. */
  fill(waiting: readonly InterestedPeer[], free: number, now: number): PeerKey[] {
    return chooseOptimistic(waiting, { slots: free, now, random: this.#random });
  }

  /** Keeps who had the optimistic slots, or passes them on; slots that snubbing peers left are optimistic too. */
  #turn(others: readonly InterestedPeer[], turn: { slots: number; isNewTurn: boolean; now: number }): void {
    const before = others.filter((peer) => this.#optimistic.has(peer.key));
    const newcomers = others.filter((peer) => !this.#optimistic.has(peer.key));
    const lottery = { slots: turn.slots, now: turn.now, random: this.#random };
    const kept = turn.isNewTurn ? [] : before.slice(0, turn.slots).map((peer) => peer.key);
    const drawn = chooseOptimistic(newcomers, { ...lottery, slots: turn.slots - kept.length });
    const again = chooseOptimistic(
      before.filter((peer) => !kept.includes(peer.key)),
      { ...lottery, slots: turn.slots - kept.length - drawn.length },
    );
    this.#optimistic.clear();
    for (const key of [...kept, ...drawn, ...again]) this.#optimistic.add(key);
  }
}
