/** File selections in magnet links: `0,2,4,6-8` (BEP 53 "URI extension"). */

/** Greatest index that is read; a range like `0-4000000000` must not become a list. */
const MAX_INDEX = 99_999;

/** Reads a selection into indexes, rising and each once. Items that make no sense or go too far are left out. */
export function parseSelection(text: string): number[] {
  const ranges = text.split(",").map(parseRange).filter((range) => range !== undefined);
  const selected: number[] = [];
  let next = 0;
  for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
    for (next = Math.max(next, first); next <= last; next++) selected.push(next);
  }
  return selected;
}

function parseRange(item: string): [first: number, last: number] | undefined {
  const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(item.trim());
  const first = Number(match?.[1]), last = Number(match?.[2] ?? match?.[1]);
  return last <= MAX_INDEX ? [first, last] : undefined;
}

/** Writes indexes, neighbours as ranges. */
export function formatSelection(indexes: readonly number[]): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b), items: string[] = [];
  for (let i = 0; i < sorted.length;) {
    const first = i;
    while (sorted[i + 1] === sorted[i]! + 1) i++;
    items.push(first === i ? `${sorted[i]}` : `${sorted[first]}-${sorted[i]}`);
    i++;
  }
  return items.join(",");
}
