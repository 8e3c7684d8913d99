/** Answers about peers: get_peers, announce_peer (BEP 5, 33) and sample_infohashes (BEP 51). */

import { decode } from "../bencode/decode.ts";
import { encode } from "../bencode/encode.ts";
import { RawBencode } from "../bencode/raw.ts";
import { copyToSlab } from "../bytes/slab.ts";
import {
  type Answer,
  type Asked,
  isOurToken,
  MAX_REPLY_LENGTH,
  nodesNear,
  refuse,
  REPLY_OVERHEAD,
  tokenFor,
} from "./answer.ts";
import type { AnnouncePeerQuery, GetPeersQuery, SampleInfohashesQuery } from "./messages/query.ts";
import type { SendableReply } from "./messages/reply.ts";
import { compactNearness } from "./network.ts";
import { filtersOf, type Swarm } from "./peer_store.ts";

/** Bytes of one entry of `values`, and of what stands around filters and nodes. */
const VALUE_LENGTH = { 4: 8, 6: 21 } as const, FIELD_OVERHEAD = 12;

/** Peers in one reply: eight nodes show 400 of them, and nobody gains much by forging who asked. */
const MAX_VALUES = 50;

/** Answers with a token, the nearest nodes and as many peers as fit. */
export function onGetPeers(asked: Asked, { infoHash, want, noSeed, scrape }: GetPeersQuery): Answer {
  const { family, requester } = asked, { peers } = family, swarm = peers.find(infoHash);
  const filters = scrape && swarm !== undefined ? filtersOf(swarm) : undefined;
  // BEP 33 "new get_peers semantics": the filters take the room of nodes of the other family.
  const reply: SendableReply = {
    ...nodesNear(asked, infoHash, filters === undefined ? want : undefined),
    // BEP 33 "changed announce accounting": no token when the peer would not be taken.
    token: peers.isFull(swarm, requester.compact) ? undefined : tokenFor(asked, infoHash),
    seedFilter: filters?.seeds,
    downloaderFilter: filters?.downloaders,
  };
  if (swarm === undefined) return reply;
  const fields = [reply.nodes, reply.nodes6, reply.seedFilter, reply.downloaderFilter, requester.transaction];
  const taken = fields.reduce(
    (sum, field) => sum + (field === undefined ? 0 : field.length + FIELD_OVERHEAD),
    0,
  );
  const room = Math.max(0, MAX_REPLY_LENGTH - REPLY_OVERHEAD - taken);
  const count = Math.min(MAX_VALUES, Math.floor(room / VALUE_LENGTH[family.version]));
  const isTellable = swarm.nearness === 0 || swarm.nearness <= compactNearness(requester.compact);
  const values = isTellable
    ? peers.draw(swarm, count, noSeed ?? false)
    : encode(drawTellable(asked, swarm, noSeed ?? false).slice(0, count));
  return { ...reply, values: new RawBencode(values) };
}

/** The peers that whoever asks may hear of: those of our own network are no business of the internet. */
function drawTellable({ family, requester }: Asked, swarm: Swarm, noSeed: boolean): Uint8Array[] {
  const most = compactNearness(requester.compact);
  const all = decode(family.peers.draw(swarm, swarm.peers.size, noSeed)) as Uint8Array[];
  return all.filter((compact) => compactNearness(compact) <= most);
}

/** Stores a peer under the address that it announces itself from. */
export function onAnnouncePeer(asked: Asked, query: AnnouncePeerQuery): Answer {
  const { infoHash, token, seed } = query, { family, requester, now } = asked;
  if (!isOurToken(asked, token, infoHash)) return refuse("protocol", "Bad token");
  const compact = query.impliedPort ? requester.compact : withPort(requester.compact, query.port);
  family.peers.announce(infoHash, { compact, seed: seed ?? false }, family.table.id, now);
  return { id: family.table.id };
}

/** Shows some of the info hashes, and nodes of the family asked: with both, the reply would be too long. */
export function onSample(asked: Asked, { target }: SampleInfohashesQuery): Answer {
  const { family: { peers }, now } = asked, { bytes, until } = peers.sample(now);
  return {
    ...nodesNear(asked, target, undefined),
    samples: bytes,
    total: peers.infoHashCount,
    intervalSeconds: Math.ceil((until - now) / 1000),
  };
}

/** An address with another port. */
function withPort(compact: Uint8Array, port: number): Uint8Array {
  const other = copyToSlab(compact);
  other[compact.length - 2] = port >>> 8;
  other[compact.length - 1] = port;
  return other;
}
