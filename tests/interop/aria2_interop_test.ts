import { aria2 } from "./clients/aria2.ts";
import { testClient } from "./matrix.ts";

testClient(aria2);
