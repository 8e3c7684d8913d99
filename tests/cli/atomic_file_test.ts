import { assertEquals, assertRejects } from "@std/assert";
import { writeAtomically } from "../../src/cli/atomic_file.ts";
import { Failure } from "../../src/cli/failure.ts";
import { withFolder } from "../with_folder.ts";

const BYTES = new Uint8Array([1, 2, 3]);

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name)).sort();
}

Deno.test("writeAtomically() makes and replaces a file and leaves nothing else", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x.torrent`;
    await writeAtomically(path, new Uint8Array(100));
    await writeAtomically(path, BYTES);
    assertEquals(await Deno.readFile(path), BYTES);
    assertEquals(await namesIn(folder), ["x.torrent"]);
  }));

Deno.test("writeAtomically() keeps access rights and follows a symbolic link", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x.torrent`, link = `${folder}/link`;
    await Deno.writeFile(path, new Uint8Array());
    await Deno.chmod(path, 0o640);
    await Deno.symlink(path, link);
    await writeAtomically(link, BYTES);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o640);
    assertEquals((await Deno.lstat(link)).isSymlink, true);
    assertEquals(await Deno.readFile(path), BYTES);
  }));

Deno.test("writeAtomically() says why it cannot, and leaves nothing behind", () =>
  withFolder(async (folder) => {
    const missing = await assertRejects(() => writeAtomically(`${folder}/no/x`, BYTES), Failure);
    assertEquals(missing.message, `Cannot write "${folder}/no/x": no such file or folder`);
    const isFolder = await assertRejects(() => writeAtomically(folder, BYTES), Failure);
    assertEquals(isFolder.message, `Cannot write "${folder}": it is a folder`);
    assertEquals(await namesIn(folder), []);
  }));

Deno.test("writeAtomically() leaves the old file alone when the new one cannot be put in its place", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x.torrent`;
    await Deno.writeFile(path, BYTES);
    const rename = Deno.rename;
    Deno.rename = () => Promise.reject(new Deno.errors.PermissionDenied());
    try {
      const error = await assertRejects(() => writeAtomically(path, new Uint8Array(9)), Failure);
      assertEquals(error.message, `Cannot write "${path}": permission denied`);
    } finally {
      Deno.rename = rename;
    }
    assertEquals(await Deno.readFile(path), BYTES);
    assertEquals(await namesIn(folder), ["x.torrent"]);
  }));

Deno.test("writeAtomically() writes into devices instead of replacing them", async () => {
  if (Deno.build.os === "windows") return;
  await writeAtomically("/dev/null", BYTES);
  assertEquals((await Deno.stat("/dev/null")).isCharDevice, true);
});
