import { libtorrent } from "./clients/libtorrent.ts";
import { testClient } from "./matrix.ts";

testClient(libtorrent);
