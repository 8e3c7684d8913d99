import { rtorrent } from "./clients/rtorrent.ts";
import { testClient } from "./matrix.ts";

testClient(rtorrent);
