/** Peer messages in and out, beside other libraries: see `contests/framing.ts`. */

import { registerBenches } from "./contests/contest.ts";
import { CONTESTS } from "./contests/framing.ts";

registerBenches(CONTESTS);
