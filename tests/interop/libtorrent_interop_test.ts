/** Everything that every client goes through, with libtorrent: transfers both ways, trackers, links (BEP 3, 6, 10). */
import { libtorrent } from "./clients/libtorrent.ts";
import { testClient } from "./matrix.ts";

testClient(libtorrent);
