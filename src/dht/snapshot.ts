/** What a node keeps from one run to the next: its ids and the nodes it knows (BEP 5 "routing table"), bencoded. */

import { decodeDictionary } from "../bencode/decode.ts";
import { encode } from "../bencode/encode.ts";
import { concat } from "@std/bytes/concat";
import { DecodeError } from "../errors.ts";
import { type AddressFamily, isIpv6 } from "../peer/ip.ts";
import { decodeCompactNodes, encodeCompactNode, ID_LENGTH, type NodeContact } from "./messages/node_info.ts";

/** What a node keeps. */
export interface DhtSnapshot {
  /** Its id in each family that it takes part in, 20 bytes. */
  readonly ids: ReadonlyMap<AddressFamily, Uint8Array>;
  /** Nodes that answered when last asked, of both families. */
  readonly nodes: readonly NodeContact[];
}

/** The only one yet. */
const VERSION = 1;

/** A file may hold more; so many are enough to find the way back. */
const MAX_NODES = 1000;

const KEYS = { 4: { id: "id", nodes: "nodes" }, 6: { id: "id6", nodes: "nodes6" } } as const;
const FAMILIES: readonly AddressFamily[] = [4, 6];

/** Writes a snapshot. */
export function encodeSnapshot({ ids, nodes }: DhtSnapshot): Uint8Array<ArrayBuffer> {
  const compact = (family: AddressFamily) =>
    concat(nodes.filter(({ address }) => isIpv6(address.host) === (family === 6)).map(encodeCompactNode));
  return encode({
    id: ids.get(4),
    id6: ids.get(6),
    nodes: compact(4),
    nodes6: compact(6),
    version: VERSION,
  });
}

/** Reads a snapshot. @throws {DecodeError} If it is none, or of a later version. */
export function decodeSnapshot(bytes: Uint8Array): DhtSnapshot {
  const from = decodeDictionary(bytes), version = from.integer("version");
  if (version !== VERSION) throw new DecodeError(`Cannot decode DHT snapshot: version ${version} is unknown`);
  const ids = new Map<AddressFamily, Uint8Array>(), nodes: NodeContact[] = [];
  for (const family of FAMILIES) {
    const id = from.bytes(KEYS[family].id);
    if (id?.length === ID_LENGTH) ids.set(family, id.slice());
    nodes.push(...decodeCompactNodes(from.bytes(KEYS[family].nodes) ?? new Uint8Array(), family));
  }
  return { ids, nodes: nodes.slice(0, MAX_NODES) };
}
