import { transmission } from "./clients/transmission.ts";
import { testClient } from "./matrix.ts";

testClient(transmission);
