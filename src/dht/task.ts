/** What the rows of the task table have in common: a row says what one kind of lookup asks, learns and stores. */

import type { SendableQuery } from "./messages/query.ts";
import type { DhtReply } from "./messages/reply.ts";
import type { Candidate } from "./shortlist.ts";
import type { DhtState, DirectOperation, Lookup, Operation, Task } from "./state.ts";
import type { DhtEffect } from "./vocabulary.ts";

/** Where a reply came in. */
export interface Heard {
  readonly state: DhtState;
  readonly lookup: Lookup;
  /** The node that replied. */
  readonly candidate: Candidate;
}

/** Methods, not members: a row can then stand for any task where one is picked by its type. */
export interface TaskRow<T extends Task> {
  /** What our own stores have to say, before anybody is asked. */
  begin?(state: DhtState, lookup: Lookup, task: T): void;
  /** What every node on the way is asked. */
  query(lookup: Lookup, task: T): SendableQuery;
  /** A node on the way has replied. */
  onReply?(heard: Heard, task: T, reply: DhtReply): void;
  /** Whether anything is to be stored at the end of the way. */
  isWorthWriting?(lookup: Lookup, task: T): boolean;
  /** What a node near the target is given to store. */
  write?(lookup: Lookup, task: T, candidate: Candidate & { readonly token: Uint8Array }): SendableQuery;
  /** The last results. */
  finish?(state: DhtState, operation: Operation, task: T): void;
}

/** An effect that tells the user something about an operation, before the operation's id is put in. */
type Told<E> = E extends { readonly id: number } ? Omit<E, "id"> : never;

/** Tells the user something, if the operation is the user's and not over. */
export function tell(state: DhtState, operation: Operation | DirectOperation, effect: Told<DhtEffect>): void {
  const { id } = operation;
  if (id === undefined || state.operations.get(id) !== operation) return;
  state.effects.push({ ...effect, id } as DhtEffect);
}

/** Our own id in the family that a lookup runs in. */
export function ownId(lookup: Lookup): Uint8Array {
  return lookup.family.table.id;
}
