/**
 * A UDP tracker (BEP 15) that knows nobody and prints what announces append (BEP 41) as JSON lines.
 *
 *   deno run -A --unstable-net udp_listener.ts 10.55.0.1 7000
 */
import { decodeUrlData } from "../../../src/tracker/messages/udp_options.ts";

const ACTION_AT = 8, TRANSACTION_AT = 12, OPTIONS_AT = 98;
const CONNECT = 0, ANNOUNCE = 1;
const INTERVAL_SECONDS = 900;

const [hostname = "", port] = Deno.args;
const socket = Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) });

/** The answer to a request, in words of 32 bits: a connection id, or a swarm without peers. */
function answer(action: number, transaction: number): readonly number[] {
  if (action === CONNECT) return [CONNECT, transaction, 0, 1];
  return [ANNOUNCE, transaction, INTERVAL_SECONDS, 0, 0];
}

console.log(JSON.stringify({ event: "up" }));
for await (const [bytes, from] of socket) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const action = view.getUint32(ACTION_AT), transaction = view.getUint32(TRANSACTION_AT);
  const words = answer(action, transaction), reply = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, index) => reply.setUint32(4 * index, word));
  if (action === ANNOUNCE) {
    console.log(JSON.stringify({ urlData: decodeUrlData(bytes.subarray(OPTIONS_AT)) }));
  }
  await socket.send(new Uint8Array(reply.buffer), from);
}
