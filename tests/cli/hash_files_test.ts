import { assertEquals, assertRejects } from "@std/assert";
import { hashFiles } from "../../src/cli/hash_files.ts";
import { listSource } from "../../src/cli/source_files.ts";
import { StorageError } from "../../src/errors.ts";
import { hashContent } from "../../src/metainfo/hash_content.ts";
import { layoutContent } from "../../src/metainfo/layout.ts";
import { withFolder } from "../with_folder.ts";

const MIB = 1 << 20;

/** A folder with a file of `length` bytes, mostly a hole, and a small one. */
async function makeFiles(folder: string, length: number): Promise<string> {
  await Deno.mkdir(`${folder}/data`);
  await Deno.writeFile(`${folder}/data/large`, Uint8Array.from({ length: MIB }, (_, index) => index % 251));
  await Deno.truncate(`${folder}/data/large`, length);
  await Deno.writeFile(`${folder}/data/small`, new Uint8Array(1000).fill(3));
  return `${folder}/data`;
}

for (const [how, length] of [["in one go", 3 * MIB], ["with workers", 65 * MIB]] as const) {
  Deno.test(`hashFiles() hashes ${how} to what hashContent() does, and tells how far it is`, () =>
    withFolder(async (folder) => {
      const { files, name } = await listSource(await makeFiles(folder, length));
      const layout = layoutContent(files, { name, version: "hybrid", pieceLength: MIB });
      let last = [0, 0];
      const hashes = await hashFiles(files)(layout, { onProgress: (done, total) => last = [done, total] });
      assertEquals(hashes, await hashContent(layout));
      assertEquals(last, [layout.info.length, layout.info.length]);
    }));

  Deno.test(`hashFiles() refuses a file that is gone or has another length than listed, ${how}`, () =>
    withFolder(async (folder) => {
      const data = await makeFiles(folder, length), { files, name } = await listSource(data);
      const layout = layoutContent(files, { name, pieceLength: MIB }),
        hash = () => hashFiles(files)(layout, {});
      await Deno.truncate(`${data}/small`, 999);
      await assertRejects(hash, StorageError);
      await Deno.truncate(`${data}/small`, 1001);
      await assertRejects(hash, StorageError);
      await Deno.remove(`${data}/small`);
      await assertRejects(hash, Error, "small");
    }));
}

Deno.test("hashFiles() stops when it is told to", () =>
  withFolder(async (folder) => {
    const { files, name } = await listSource(await makeFiles(folder, 65 * MIB));
    const layout = layoutContent(files, { name, pieceLength: MIB }), reason = new Error("enough");
    const rejected = await assertRejects(() =>
      hashFiles(files)(layout, { signal: AbortSignal.abort(reason) })
    );
    assertEquals(rejected, reason);
  }));
