/** Pictures made of text, as pure functions: colours, bars, the strip of pieces, the curve of a rate, tables. */

/** Paints text, or leaves it alone where colours are not wanted. */
export interface Palette {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** The colours of a terminal, or none. */
export function createPalette(hasColours: boolean): Palette {
  const paint = (on: number, off: number) => (text: string) =>
    hasColours && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}

// deno-fmt-ignore
const WIDE = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;
const NARROW = /[\p{M}\p{Cf}\p{Cc}]/u;
/** A colour: takes no room. The escape character is spelled so that no control character stands in a pattern. */
const ESCAPE = new RegExp(String.fromCharCode(0x1b) + "\\[\\d+m", "g");

/** How many columns one character takes. */
function charWidth(char: string): number {
  return WIDE.test(char) ? 2 : NARROW.test(char) ? 0 : 1;
}

/** How many columns a text takes, colours not counted. */
export function textWidth(text: string): number {
  const bare = text.replace(ESCAPE, "");
  if (/^[\x20-\x7e]*$/.test(bare)) return bare.length;
  let width = 0;
  for (const char of bare) width += charWidth(char);
  return width;
}

/** Cuts a text without colours to `width` columns, the middle giving way to "…", which keeps the end of a file name. */
export function shorten(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const chars = [...text], room = width - 1;
  const head = take(chars, Math.ceil(room / 2));
  const tail = take(chars.toReversed(), room - textWidth(head));
  return `${head}…${[...tail].toReversed().join("")}`;
}

function take(chars: readonly string[], width: number): string {
  let text = "", left = width;
  for (const char of chars) {
    left -= charWidth(char);
    if (left < 0) break;
    text += char;
  }
  return text;
}

/** Fills with spaces behind a text up to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** Fills with spaces in front of a text up to `width` columns. */
export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - textWidth(text))) + text;
}

/** Two texts at the two ends of a line of `width` columns; the left one gives way. The right one is never cut. */
export function spread(left: string, right: string, width: number): string {
  const room = Math.max(0, width - textWidth(right) - 2);
  return padEnd(shorten(left, room), Math.max(0, width - textWidth(right))) + right;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar that grows by eighths of a column: what is there, and blanks up to `width` columns. */
export function drawBar(share: number, width: number): string {
  const eighths = Math.round((share > 0 ? Math.min(1, share) : 0) * width * 8);
  const bar = "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
  return bar.padEnd(width);
}

const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * The map of pieces squeezed into `width` columns (fewer if there are fewer pieces): blank where nothing is there,
 * a full block where all is, and in between as high as the column's share.
 */
export function drawPieces(has: (piece: number) => boolean, pieceCount: number, width: number): string {
  const columns = Math.min(width, pieceCount);
  let strip = "";
  for (let column = 0; column < columns; column++) {
    const first = Math.floor(column * pieceCount / columns);
    const end = Math.floor((column + 1) * pieceCount / columns);
    let count = 0;
    for (let piece = first; piece < end; piece++) if (has(piece)) count++;
    strip += count === 0 ? " " : LEVELS[Math.floor(count / (end - first) * 7)];
  }
  return strip;
}

/** The last `width` values as a curve, its highest value a full block; blanks in front while there are fewer. */
export function drawCurve(values: readonly number[], width: number): string {
  const shown = values.slice(-width), highest = Math.max(0, ...shown);
  const curve = shown.map((value) => highest === 0 ? LEVELS[0] : LEVELS[Math.round(value / highest * 7)]!);
  return curve.join("").padStart(width);
}

/**
 * Rows as lines with aligned columns, two spaces between them; columns named in `right` are flush right. Nothing is
 * filled up behind the last cell of a row: among a hundred thousand paths one long one would cost gigabytes.
 */
export function drawTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, textWidth(cell)));
  }
  const draw = (row: readonly string[]) => (cell: string, column: number) => {
    if (right.includes(column)) return padStart(cell, widths[column]!);
    return column === row.length - 1 ? cell : padEnd(cell, widths[column]!);
  };
  return rows.map((row) => row.map(draw(row)).join("  ").trimEnd());
}
