/** What the status and the headers of a web server's answer mean for the bytes that were asked for (BEP 17, 19). */

import type { WebSeedStep } from "../metainfo/web_seed.ts";

/** A step that asks a server. */
export type WebRequest = Exclude<WebSeedStep, { readonly type: "zeros" }>;

/** What to make of an answer before its body is read. */
export type WebAnswer =
  /** The bytes are here, behind so many that were not asked for. */
  | { readonly type: "content"; readonly skip: number }
  /** The server wants to be asked later: the milliseconds, if a header says them. */
  | { readonly type: "busy"; readonly retryAfterMs: number | undefined }
  /** The server has not got the file, or has another one. */
  | { readonly type: "noFile" }
  /** The server sends whole files only, and what was asked for is far from the start. */
  | { readonly type: "tooFar" }
  | { readonly type: "nonsense"; readonly reason: string };

/** What is read and thrown away at most of a file that comes whole: a fraction of a second, and no more than a run. */
const MOST_SKIPPED = 4 * 1024 * 1024;
/** "Too many requests", which says no other thing than "service unavailable" does. */
const BUSY: readonly number[] = [429, 503];
/** Not found, gone, range not satisfiable: nobody else is to be blamed for it, and nothing else is missing. */
const NO_FILE: readonly number[] = [404, 410, 416];

/** Judges an answer. */
export function judgeAnswer(request: WebRequest, { status, headers }: Response): WebAnswer {
  if (BUSY.includes(status)) return { type: "busy", retryAfterMs: retryAfter(headers) };
  if (NO_FILE.includes(status) && request.type === "file") return { type: "noFile" };
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") return { type: "nonsense", reason: `it is encoded as ${encoding}` };
  if (status === 200) {
    return request.type === "file" ? judgeWhole(request, headers) : judgePiece(request, headers);
  }
  if (status === 206 && request.type === "file") return judgePart(request, headers);
  return { type: "nonsense", reason: `HTTP status ${status}` };
}

/** A whole file though a part of it was asked for: the server knows no ranges (RFC 9110 section 14.2 allows it). */
function judgeWhole({ from, total }: Extract<WebRequest, { type: "file" }>, headers: Headers): WebAnswer {
  const length = lengthOf(headers);
  if (length !== undefined && length !== total) return { type: "noFile" };
  return from <= MOST_SKIPPED ? { type: "content", skip: from } : { type: "tooFar" };
}

/** A part of a file (RFC 9110 section 15.3.7). Nothing but the range that was asked for will do. */
function judgePart(
  { from, length, total }: Extract<WebRequest, { type: "file" }>,
  headers: Headers,
): WebAnswer {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers.get("content-range") ?? "");
  if (match === null) return { type: "nonsense", reason: "it does not say which range it has" };
  if (match[3] !== "*" && Number(match[3]) !== total) return { type: "noFile" };
  const isAsked = Number(match[1]) === from && Number(match[2]) === from + length - 1;
  return isAsked ? { type: "content", skip: 0 } : { type: "nonsense", reason: "it has another range" };
}

/** The bytes that a script was asked for, one range behind the other (BEP 17 "protocol"). */
function judgePiece({ length }: WebRequest, headers: Headers): WebAnswer {
  const found = lengthOf(headers) ?? length;
  return found === length
    ? { type: "content", skip: 0 }
    : { type: "nonsense", reason: `it has ${found} bytes instead of ${length}` };
}

function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Seconds, or a date, which is told by the server's own clock (RFC 9110 section 10.2.3). */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const wait = Date.parse(text) - Date.parse(headers.get("date") ?? "");
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
