import { ctorrent } from "./clients/ctorrent.ts";
import { testClient } from "./matrix.ts";

testClient(ctorrent);
