/** Torrent files read, beside other libraries: see `contests/metainfo.ts`. */

import { registerBenches } from "./contests/contest.ts";
import { CONTESTS } from "./contests/metainfo.ts";

registerBenches(CONTESTS);
