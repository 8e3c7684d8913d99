/** Where the corpus of torrents lies: beside the project, not in it. */

/** The folder of the corpus. */
export const CORPUS: URL = new URL("../../../shared/corpus/", import.meta.url);

/** Whether it is there. */
export const hasCorpus: boolean = isThere(new URL("expected.json", CORPUS));

/** The bytes of every torrent of the corpus that is not longer than `maxLength`. */
export function corpusTorrents(maxLength: number): Uint8Array[] {
  if (!hasCorpus) return [];
  const { torrents } = JSON.parse(Deno.readTextFileSync(new URL("expected.json", CORPUS)));
  return Object.keys(torrents).map((file) => Deno.readFileSync(new URL(file, CORPUS)))
    .filter((bytes) => bytes.length <= maxLength);
}

function isThere(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}
