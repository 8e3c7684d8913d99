/** A plain web server with ranges, as any is, over content in memory; tests bend its answers. */

/** Files by path, as in the URL after decoding. */
export type Site = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** One request as the server saw it. */
export interface Visit {
  readonly path: string;
  readonly range: string | null;
}

/** Answers GET, with ranges (RFC 9110 section 14.2). */
export function serveSite(site: Site, visits: Visit[] = []): (request: Request) => Response {
  return (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname), range = request.headers.get("range");
    visits.push({ path, range });
    const content = site.get(path), match = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    if (content === undefined) return new Response("nothing here", { status: 404 });
    if (match === null) return new Response(content);
    const [from, to] = [Number(match[1]), Math.min(Number(match[2]), content.length - 1)];
    const headers = { "content-range": `bytes ${from}-${to}/${content.length}` };
    return new Response(content.slice(from, to + 1), { status: 206, headers });
  };
}
