/** What the user and the world put in: a table with one row per input. */

import { DecodeError, StateError } from "../errors.ts";
import type { PeerAddress } from "../peer/address.ts";
import { isIpv6 } from "../peer/ip.ts";
import { BloomFilter } from "./bloom_filter.ts";
import { startDirect } from "./direct.ts";
import { takeAddress } from "./identity.ts";
import { checkItem, checkItemName, itemTarget } from "./item.ts";
import { judgeItem } from "./item_tasks.ts";
import { advance } from "./lookup.ts";
import { decodeKrpc, type KrpcMessage } from "./messages/krpc.ts";
import { ID_LENGTH } from "./messages/node_info.ts";
import { onPutVerified } from "./on_item_query.ts";
import { onQuery } from "./on_query.ts";
import { onReply } from "./on_reply.ts";
import { type DhtState, type Family, familyOf, type Task } from "./state.ts";
import { onAddNode, onAddRouter, onTick } from "./upkeep.ts";
import type { DhtInput } from "./vocabulary.ts";
import { abandon, finishIfOver } from "./writing.ts";

/** Operations of the user, with those that wait for others to end: more than anybody has torrents. */
export const MAX_OPERATIONS = 10_000;

type OnInput = {
  readonly [T in DhtInput["type"]]: (
    state: DhtState,
    input: Extract<DhtInput, { readonly type: T }>,
    now: number,
  ) => void;
};

const ON_INPUT: OnInput = {
  datagram: onDatagram,
  addNode: (state, { address }, now) => onAddNode(state, address, now),
  addRouter: (state, { address }, now) => onAddRouter(state, address, now),
  externalAddress(state, { host }, now) {
    const family = familyOf(state, host);
    if (family !== undefined) takeAddress(state, family, host, now);
  },
  ping(state, { id, address }, now) {
    const { table } = checkedFamily(state, id, address);
    startDirect(state, { type: "ping", id }, { to: address, query: { type: "ping", id: table.id } }, now);
  },
  sample(state, { id, address, target }, now) {
    const { table } = checkedFamily(state, id, address);
    checkTarget(target);
    const query = { type: "sampleInfohashes", id: table.id, target } as const;
    startDirect(state, { type: "sample", id }, { to: address, query }, now);
  },
  findNode: (state, { id, target }) => look(state, { id, target, task: { type: "findNode" } }),
  getPeers(state, { id, infoHash, noSeed = false }) {
    look(state, { id, target: infoHash, task: { type: "getPeers", noSeed, seen: new Set() } });
  },
  announce(state, { id, infoHash, port, impliedPort = false, seed = false }) {
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new RangeError(`Cannot announce: ${port} is no port`);
    }
    const writes = { accepted: 0, refusals: [], skipped: false };
    const task: Task = { type: "announce", port, impliedPort, seed, seen: new Set(), writes };
    look(state, { id, target: infoHash, task });
  },
  scrape(state, { id, infoHash }) {
    const task: Task = {
      type: "scrape",
      seeds: new BloomFilter(),
      downloaders: new BloomFilter(),
      peers: new Map(),
    };
    look(state, { id, target: infoHash, task });
  },
  getItem(state, { id, name, newerThan }) {
    checkItemName(name);
    const task: Task = { type: "getItem", name, newerThan, best: undefined, checked: [] };
    look(state, { id, target: itemTarget(name), task });
  },
  putItem(state, { id, item, cas, republish = false }) {
    checkItem(item);
    const writes = { accepted: 0, refusals: [], skipped: false };
    const task: Task = { type: "putItem", item, cas, republish, best: undefined, checked: [], writes };
    look(state, { id, target: itemTarget(item), task });
  },
  abort(state, { id }) {
    const operation = state.operations.get(id);
    state.operations.delete(id);
    state.upkeep.queue.delete(id);
    if (operation !== undefined && "lookups" in operation) abandon(operation);
  },
  verified: onVerified,
  tick: (state, _input, now) => onTick(state, now),
};

/** Takes in one input. */
export function onInput(state: DhtState, input: DhtInput, now: number): void {
  (ON_INPUT[input.type] as (state: DhtState, input: DhtInput, now: number) => void)(state, input, now);
}

function onDatagram(
  state: DhtState,
  { from, bytes }: Extract<DhtInput, { readonly type: "datagram" }>,
  now: number,
): void {
  const message = tryDecode(bytes);
  if (message === undefined) return;
  if (message.type === "query") onQuery(state, from, message, now);
  else onReply(state, from, message, now);
}

/** What is no message is dropped: its sender may be no node at all. */
function tryDecode(bytes: Uint8Array): KrpcMessage | undefined {
  try {
    return decodeKrpc(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function onVerified(
  state: DhtState,
  { verification: number, valid }: Extract<DhtInput, { readonly type: "verified" }>,
  now: number,
): void {
  const verification = state.verifications.open.get(number);
  if (!state.verifications.open.delete(number) || verification === undefined) {
    throw new StateError(`Cannot take verification ${number}: it was not asked for`);
  }
  if (verification.type === "put") return onPutVerified(state, verification, valid, now);
  const { operation, item } = verification;
  judgeItem(state, operation, item, valid);
  for (const lookup of operation.lookups) advance(state, lookup, now);
  finishIfOver(state, operation);
}

/** It starts at the end of this call, or when others have ended. */
function look(
  state: DhtState,
  { id, target, task }: { readonly id: number; readonly target: Uint8Array; readonly task: Task },
): void {
  checkOperation(state, id);
  checkTarget(target);
  state.upkeep.queue.set(id, { id, task, targetOf: () => target });
}

function checkedFamily(state: DhtState, id: number, { host }: PeerAddress): Family {
  checkOperation(state, id);
  const family = familyOf(state, host);
  if (family === undefined) {
    throw new RangeError(`Cannot ask "${host}": IPv${isIpv6(host) ? 6 : 4} is not in use`);
  }
  return family;
}

function checkOperation({ operations, upkeep: { queue } }: DhtState, id: number): void {
  if (operations.has(id) || queue.has(id)) {
    throw new StateError(`Cannot start operation ${id}: one of this id is under way`);
  }
  if (operations.size + queue.size >= MAX_OPERATIONS) {
    throw new StateError(`Cannot start operation ${id}: ${MAX_OPERATIONS} are under way`);
  }
}

function checkTarget(target: Uint8Array): void {
  if (target.length !== ID_LENGTH) {
    throw new RangeError(`Cannot look up: target has ${target.length} bytes, not 20`);
  }
}
