/** Errors as one line of text for a person, and the exit codes that go with them. */

import { asError } from "../errors.ts";
import { storageReason } from "../io/deno/storage_error.ts";
import { shownUrl } from "../metainfo/shown_url.ts";
import { UsageError } from "./arguments.ts";
import { printableMessage } from "./format.ts";
import { BrokenPipe, Interrupted } from "./terminal.ts";

/** Thrown when a command cannot do what was asked and no error of the library says it better. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** What the system's refusals are called. */
const SYSTEM_ERRORS: readonly (readonly [new () => Error, string])[] = [
  [Deno.errors.NotFound, "no such file or folder"],
  [Deno.errors.PermissionDenied, "permission denied"],
  [Deno.errors.NotCapable, "Deno was not permitted to; see --allow-read, --allow-write and --allow-net"],
  [Deno.errors.AlreadyExists, "it exists already"],
  [Deno.errors.IsADirectory, "it is a folder"],
  [Deno.errors.NotADirectory, "a part of the path is no folder"],
  [Deno.errors.AddrInUse, "the address is in use"],
  [Deno.errors.AddrNotAvailable, "this machine does not have that address"],
  [Deno.errors.ConnectionRefused, "connection refused"],
  [Deno.errors.TimedOut, "timed out"],
];

/** The system's word for an error, without paths and error numbers. */
export function describeSystemError(error: unknown): string {
  const row = SYSTEM_ERRORS.find(([kind]) => error instanceof kind);
  if (row !== undefined) return row[1];
  return messageOf(error);
}

function messageOf(error: unknown): string {
  return asError(error).message.replace(/ \(os error \d+\)/, "");
}

/** An error and what caused it, on one line. */
export function describeError(error: unknown): string {
  let text = describeSystemError(error);
  for (let cause = causeOf(error), depth = 0; cause !== undefined && depth < 4; depth++) {
    text = withReason(text, cause);
    cause = causeOf(cause);
  }
  return printableMessage(text).trim() || "Unknown error";
}

/** An error that has to do with a URL, on one line that names it, as {@linkcode shownUrl} does. */
export function describeErrorAt(url: string, error: unknown): string {
  const place = shownUrl(url), text = describeError(error);
  return text.includes(place) ? text : printableMessage(`${place}: ${text}`);
}

/** Adds what a cause says, unless it is said already: in our words, in those of storage, or in the system's, which ours replace. */
function withReason(text: string, cause: unknown): string {
  const reason = describeSystemError(cause), raw = messageOf(cause);
  if (reason === "" || text.includes(reason) || text.includes(storageReason(cause))) return text;
  return raw !== "" && text.includes(raw) ? text.replace(raw, () => reason) : `${text}: ${reason}`;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause ?? undefined : undefined;
}

/** What an error means for the program's end: its exit code and, unless it ends quietly, what to say. */
export function judge(error: unknown): { readonly exitCode: number; readonly message: string | undefined } {
  if (error instanceof UsageError) return { exitCode: 2, message: describeError(error) };
  if (error instanceof Interrupted || error instanceof BrokenPipe) {
    return { exitCode: error.exitCode, message: undefined };
  }
  return { exitCode: 1, message: describeError(error) };
}
