/** Names of files that are not whole yet, none of which is the name of another file or folder of the torrent. */

/** What such a name ends with; a number follows where the torrent has that name itself. */
const PART = ".part";

/** Whether some file or folder might be in the way. */
const LIKE_PART = /\.part\d*(?:\/|$)/i;

/** What a file system that ignores case and the composition of accents compares. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** The path to use for each of the given paths until the file is whole. */
export function partPaths(paths: readonly string[]): string[] {
  if (!paths.some((path) => LIKE_PART.test(path))) return paths.map((path) => path + PART);
  const taken = new Set<string>();
  for (const path of paths) addWithFolders(taken, foldName(path));
  return paths.map((path) => {
    let name = path + PART;
    for (let number = 1; taken.has(foldName(name)); number++) name = path + PART + number;
    return name;
  });
}

function addWithFolders(taken: Set<string>, path: string): void {
  for (
    let end = path.length;
    end > 0 && !taken.has(path.slice(0, end));
    end = path.lastIndexOf("/", end - 1)
  ) {
    taken.add(path.slice(0, end));
  }
}
