/**
 * WebTorrent's DHT (npm `bittorrent-dht`), an implementation of BEP 44 that is neither ours nor libtorrent's:
 *
 *   webtorrent_dht.ts HOST NODE put SEED SALT INFO-HASH SEQ   stores an item as BEP 46 has it
 *   webtorrent_dht.ts HOST NODE get KEY SALT                  fetches one
 *
 * All bytes are hex digits; HOST is our address, NODE a `host:port` to begin with. Prints one line of JSON.
 */
// deno-lint-ignore-file no-import-prefix
import { Buffer } from "node:buffer";
import { ed25519 } from "@noble/curves/ed25519.js";
import { Client } from "npm:bittorrent-dht@11.0.12";
import { sha1Sync } from "../../../src/bytes/sha1_sync.ts";

const [host, node, verb, ...args] = Deno.args;
const bytes = (hex: string | undefined) => Buffer.from(hex ?? "", "hex");

const dht = new Client({
  bootstrap: [node],
  host,
  verify: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
    ed25519.verify(signature, message, key),
});
dht.listen(0, host);
await new Promise((resolve) => dht.once("ready", resolve));
const outcome = await (verb === "put" ? put() : get());
console.log(JSON.stringify(outcome));
Deno.exit(0);

function put(): Promise<unknown> {
  const [seed, salt, infoHash, seq] = args, secret = bytes(seed);
  const item = {
    k: Buffer.from(ed25519.getPublicKey(secret)),
    ...(salt && { salt: bytes(salt) }),
    seq: Number(seq),
    v: { ih: bytes(infoHash) },
    sign: (message: Uint8Array) => Buffer.from(ed25519.sign(message, secret)),
  };
  return new Promise((resolve) =>
    dht.put(
      item,
      (error: Error | null, target: Uint8Array, nodes: number) =>
        resolve(error ? { error: error.message } : { target: target.toHex(), nodes }),
    )
  );
}

function get(): Promise<unknown> {
  const [key, salt] = args, target = sha1Sync(Buffer.concat([bytes(key), bytes(salt)]));
  const options = salt ? { salt: bytes(salt) } : {};
  return new Promise((resolve) =>
    dht.get(
      Buffer.from(target),
      options,
      (error: Error | null, item: { seq: number; v: { ih: Uint8Array } } | null) =>
        resolve(
          item ? { infoHash: item.v.ih.toHex(), seq: item.seq } : { error: error?.message ?? "nothing" },
        ),
    )
  );
}
