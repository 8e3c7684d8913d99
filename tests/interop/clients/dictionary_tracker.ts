/**
 * An HTTP tracker of the oldest kind: whoever announces gets the same list of peers as dictionaries, whatever `compact`
 * says (BEP 3). It prints the query of every announce as a JSON line.
 *
 *   deno run -A dictionary_tracker.ts 10.55.0.1 7000 10.55.0.2:6881 …
 */
const [hostname = "", port, ...addresses] = Deno.args;

function describe(address: string): string {
  const separator = address.lastIndexOf(":");
  const host = address.slice(0, separator);
  return `d2:ip${host.length}:${host}7:peer id20:-XX0001-0000000000004:porti${
    address.slice(separator + 1)
  }ee`;
}

const peers = addresses.map(describe).join("");

Deno.serve({ hostname, port: Number(port), onListen: () => {} }, (request) => {
  console.log(JSON.stringify(Object.fromEntries(new URL(request.url).searchParams)));
  return new Response(`d8:completei1e10:incompletei0e8:intervali900e5:peersl${peers}ee`);
});
