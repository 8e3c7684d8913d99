/**
 * This library's HTTP tracker as a contestant: answers announces and scrapes until it is killed.
 *
 *   deno run -A --env-file=.env.jsr bench/peers/tracker.ts PORT
 */

import { createHttpTracker } from "../../src/server/http_tracker.ts";

Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen: () => console.log("READY") },
  createHttpTracker(),
);
