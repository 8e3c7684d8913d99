/**
 * Our own HTTP tracker. It takes peers to be where they are, or all at one address.
 *
 *   deno run -A our_tracker.ts 10.55.0.1 7000 [203.0.113.5]
 */
import { createHttpTracker } from "../../../src/server/http_tracker.ts";

const [hostname = "", port, claimed] = Deno.args, tracker = createHttpTracker({ intervalMs: 60_000 });
Deno.serve({ hostname, port: Number(port), onListen: () => {} }, (request, info) => {
  const { hostname } = info.remoteAddr as Deno.NetAddr;
  return tracker(request, { remoteAddr: { hostname: claimed ?? hostname } });
});
