/**
 * A SOCKS5 proxy with a UDP relay. It prints what it was asked for as JSON lines.
 *
 *   deno run -A --unstable-net socks5_proxy.ts 10.55.0.4 1080
 */
import { denoNetwork } from "../../../src/io/deno/network.ts";
import { Socks5Server } from "../../io/socks5_server.ts";

const [host = "", port] = Deno.args;
const server = await Socks5Server.open(denoNetwork, { host, port: Number(port) });
let told = 0;
setInterval(() => {
  for (; told < server.asked.length; told++) console.log(JSON.stringify({ asked: server.asked[told] }));
}, 50);
