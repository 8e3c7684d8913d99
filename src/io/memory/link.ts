/** How good the way between two virtual hosts is. */

import type { Random } from "../../bytes/random.ts";

/** The quality of a link, the same in both directions. Probabilities are from 0 to 1. */
export interface LinkQuality {
  /** One-way delay in milliseconds; 10 by default. */
  readonly latencyMs: number;
  /** Most that chance adds to the delay, in milliseconds; 0 by default. Datagrams may then overtake each other. */
  readonly jitterMs: number;
  /** Bytes a second of each byte connection and direction, and of datagrams together; unlimited (0) by default. */
  readonly bandwidth: number;
  /** Probability that a datagram is lost; 0 by default. Byte connections lose nothing. */
  readonly loss: number;
  /** Probability that a datagram arrives twice; 0 by default. */
  readonly duplication: number;
  /** Probability that a datagram is held back for three more latencies, so that later ones overtake it; 0 by default. */
  readonly reordering: number;
}

/** A link that is fast and faultless. */
export const DEFAULT_LINK: LinkQuality = {
  latencyMs: 10,
  jitterMs: 0,
  bandwidth: 0,
  loss: 0,
  duplication: 0,
  reordering: 0,
};

/** How much longer than the latency a datagram out of order is under way. */
const HELD_BACK_LATENCIES = 3;

/** Delays in milliseconds of each copy of a datagram that arrives; none if it is lost. */
export function datagramDelays(quality: LinkQuality, random: Random): number[] {
  if (random() < quality.loss) return [];
  const delays = [datagramDelay(quality, random)];
  if (random() < quality.duplication) delays.push(datagramDelay(quality, random));
  return delays;
}

function datagramDelay({ latencyMs, jitterMs, reordering }: LinkQuality, random: Random): number {
  const heldBack = random() < reordering ? HELD_BACK_LATENCIES * latencyMs : 0;
  return latencyMs + jitterMs * random() + heldBack;
}

/** Time in milliseconds that bytes take to leave. */
export function transferMs({ bandwidth }: LinkQuality, length: number): number {
  return bandwidth === 0 ? 0 : length / bandwidth * 1000;
}
