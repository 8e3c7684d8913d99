/** Targets of symbolic links (BEP 47 "symlinks"). */

/** The way from a link to its target, both as segments below the same root. */
export function linkTarget(link: readonly string[], target: readonly string[]): string {
  let shared = 0;
  while (shared < link.length - 1 && shared < target.length && link[shared] === target[shared]) shared++;
  const up = new Array<string>(link.length - 1 - shared).fill("..");
  const way = [...up, ...target.slice(shared)];
  return way.length === 0 ? "." : way.join("/");
}
