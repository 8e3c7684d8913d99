/** Tables in Markdown, as bench/README.md has them. */

/** One row. */
export function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The first two lines. */
export function head(columns: readonly string[]): string {
  return `${row(columns)}\n${row(columns.map(() => "---"))}`;
}
