/** What we answer: a table with one row per query (BEP 5, 32, 33, 44, 51). */

import type { PeerAddress } from "../peer/address.ts";
import { type Answer, type Asked, nodesNear, refuse } from "./answer.ts";
import type { KrpcQuery } from "./messages/krpc.ts";
import type { DhtQuery } from "./messages/query.ts";
import { onGet, onPut } from "./on_item_query.ts";
import { onAnnouncePeer, onGetPeers, onSample } from "./on_peer_query.ts";
import { sendError, sendReply } from "./sending.ts";
import { type DhtState, familyOf } from "./state.ts";
import { onAsker } from "./upkeep.ts";

/** Everybody's are short; a longer one would be echoed for nothing. */
const MAX_TRANSACTION_LENGTH = 64;

type OnQuery = {
  readonly [T in DhtQuery["type"]]: (asked: Asked, query: Extract<DhtQuery, { readonly type: T }>) => Answer;
};

const ON_QUERY: OnQuery = {
  ping: ({ family }) => ({ id: family.table.id }),
  findNode: (asked, { target, want }) => nodesNear(asked, target, want),
  getPeers: onGetPeers,
  announcePeer: onAnnouncePeer,
  get: onGet,
  put: onPut,
  sampleInfohashes: onSample,
  // libtorrent's forward compatibility, on which BEP 51 "sampling RPC" relies.
  unknown: (asked, { target, want }) =>
    target === undefined ? refuse("methodUnknown", "Method Unknown") : nodesNear(asked, target, want),
  invalid: (_asked, { reason }) => refuse("protocol", reason),
};

/** Answers a query, unless its sender asks too much. */
export function onQuery(state: DhtState, from: PeerAddress, message: KrpcQuery, now: number): void {
  const { query, transaction } = message, family = familyOf(state, from.host);
  // BEP 43 "read-only state": such a node answers nobody.
  if (family === undefined || state.settings.readOnly || from.port === 0) return;
  const source = state.sources.admit(from, now);
  if (source === undefined || transaction.length > MAX_TRANSACTION_LENGTH) return;
  const requester = { from, compact: source.compact, transaction },
    asked: Asked = { state, family, requester, now };
  const answer = (ON_QUERY[query.type] as (asked: Asked, query: DhtQuery) => Answer)(asked, query);
  if (answer !== "later") {
    if ("code" in answer) sendError(state, requester, answer, now);
    else sendReply(state, requester, answer, now);
  }
  if (query.type === "invalid" || message.readOnly) return;
  onAsker(state, family, { id: query.id, address: from, text: source.text }, now);
}
