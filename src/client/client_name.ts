/** Which software a peer runs, as far as it tells (BEP 10 `v`, BEP 20). */

import { identifyClient } from "../peer/peer_id.ts";

/** Characters of the longest name that is shown: twice what any client says. */
const LONGEST_NAME = 64;

/** What could end the line, move a cursor or reorder the text: controls, format characters, separators, halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The name and version that a peer's extension handshake says, on one short line; else what its peer id tells. */
export function clientName(said: string | undefined, peerId: Uint8Array): string | undefined {
  return cleaned(said) || idName(peerId);
}

function cleaned(said: string = ""): string {
  const start = said.slice(0, 4 * LONGEST_NAME); // however long it is
  const line = start.replace(/\s+/g, " ").replace(UNPRINTABLE, "").replace(/ +/g, " ").trim();
  return Array.from(line).slice(0, LONGEST_NAME).join("");
}

function idName(peerId: Uint8Array): string | undefined {
  const client = identifyClient(peerId);
  return client && (client.version === undefined ? client.name : `${client.name} ${client.version}`);
}
