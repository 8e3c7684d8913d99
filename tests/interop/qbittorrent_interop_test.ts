import { qbittorrent } from "./clients/qbittorrent.ts";
import { testClient } from "./matrix.ts";

testClient(qbittorrent);
