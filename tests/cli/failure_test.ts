import { assertEquals, assertMatch } from "@std/assert";
import { UsageError } from "../../src/cli/arguments.ts";
import { describeError, Failure, judge } from "../../src/cli/failure.ts";
import { BrokenPipe, Interrupted } from "../../src/cli/terminal.ts";
import { StorageError, TransportError } from "../../src/errors.ts";
import { storageError } from "../../src/io/deno/storage_error.ts";

Deno.test("describeError() puts an error and its causes on one line, each reason once", () => {
  const full = new Deno.errors.NotFound("No such file or directory (os error 2): open 'x'");
  assertEquals(describeError(full), "no such file or folder");
  assertEquals(
    describeError(
      new StorageError("Cannot write piece 3", { cause: new Error("No space left (os error 28)") }),
    ),
    "Cannot write piece 3: No space left",
  );
  const noSpace = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  for (const cause of [noSpace, new Deno.errors.NotFound("x"), new Deno.errors.NotCapable("x")]) {
    const error = storageError("write", "x", cause);
    assertEquals(describeError(error), error.message);
  }
  const barred = new Deno.errors.NotCapable('Requires net access to "[::]:0", run again with --allow-net');
  const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  for (
    const [cause, words] of [[barred, /^Cannot go: Deno was not/], [
      refused,
      /^Cannot go: connection refused$/,
    ]] as const
  ) {
    assertMatch(describeError(new TransportError(`Cannot go: ${cause.message}`, { cause })), words);
  }
  assertEquals(describeError(new Failure("Cannot a: b", { cause: new Error("b") })), "Cannot a: b");
  assertEquals(describeError(new Error("one\ntwo\x1b[2J")), "one two\ufffd[2J");
  assertEquals(describeError("text"), "text");
  assertEquals(describeError(new Error("x".repeat(2 ** 20))), `${"x".repeat(1000)}…`);
  assertEquals(describeError(new Error("")), "Unknown error");
});

Deno.test("judge() knows the exit codes", () => {
  assertEquals(judge(new Failure("no")), { exitCode: 1, message: "no" });
  assertEquals(judge(new UsageError("how")), { exitCode: 2, message: "how" });
  assertEquals(judge(new Interrupted("SIGINT")), { exitCode: 130, message: undefined });
  assertEquals(judge(new Interrupted("SIGTERM")), { exitCode: 143, message: undefined });
  assertEquals(judge(new BrokenPipe()), { exitCode: 141, message: undefined });
});
