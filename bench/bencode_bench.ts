/** Bencode in and out, beside other libraries: see `contests/bencode.ts`. */

import { registerBenches } from "./contests/contest.ts";
import { CONTESTS } from "./contests/bencode.ts";

registerBenches(CONTESTS);
