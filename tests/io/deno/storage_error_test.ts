import { assertEquals, assertThrows } from "@std/assert";
import { StorageError } from "../../../src/errors.ts";
import { fromStorageFault, storageFault } from "../../../src/io/deno/storage_fault.ts";
import { isNotFound, storageError } from "../../../src/io/deno/storage_error.ts";

function errorOf(work: () => unknown): Error {
  return assertThrows(work, Error);
}

Deno.test("storageError() says in plain words what the system said, and keeps it as the cause", () => {
  const missing = errorOf(() => Deno.openSync("/no/such/file"));
  const error = storageError("read", "/no/such/file", missing);
  assertEquals(error.message, 'Cannot read "/no/such/file": no such file or folder');
  assertEquals(error.cause, missing);
  assertEquals([isNotFound(missing), isNotFound(error), isNotFound(new Error())], [true, true, false]);
  assertEquals(storageError("write", "x", error), error);
});

Deno.test({
  name: "storageError() says when the disk is full",
  ignore: Deno.build.os !== "linux",
  fn() {
    using full = Deno.openSync("/dev/full", { write: true });
    const error = storageError("write", "/d/x", errorOf(() => full.writeSync(new Uint8Array(1))));
    assertEquals(error.message, 'Cannot write "/d/x": no space left');
  },
});

Deno.test("fromStorageFault() puts an error together again that crossed a thread", () => {
  const cause = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  const error = fromStorageFault(structuredClone(storageFault(new StorageError("Cannot write", { cause }))));
  assertEquals(error.message, "Cannot write");
  assertEquals((error.cause as { code: string }).code, "ENOSPC");
  assertEquals((error.cause as Error).message, cause.message);
  assertEquals(fromStorageFault(storageFault(new TypeError("odd"))).message, "odd");
});
