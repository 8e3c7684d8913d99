/** Numbers and foreign text as a person reads them: bytes, rates, durations, sizes typed by hand, safe names. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Three digits and a binary unit: `512 B`, `1.50 KiB`, `23.4 MiB`, `700 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes, unit = 0;
  // 999.5 would be shown as 1000, which is a digit too wide.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Bytes a second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Seconds as a clock: `0:07`, `12:34`, `1:02:03`, from two days on `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole >= 48 * 3600) return `${Math.floor(whole / 86_400)} d ${Math.floor(whole % 86_400 / 3600)} h`;
  const pad = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole % 3600 / 60), rest = pad(whole % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** How long something took: `85 ms`, `1.24 s`, `1:05`. */
export function formatElapsed(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  return seconds < 59.95 ? `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s` : formatDuration(seconds);
}

/** A share of 1 in per cent, never 100 before it is whole. */
export function formatPercent(share: number): string {
  return `${Math.min(100, Math.max(0, Math.floor(share * 1000) / 10)).toFixed(1)}%`;
}

/** A count with its noun: `1 piece`, `12,345 pieces`. */
export function formatCount(count: number, noun: string): string {
  return `${groupDigits(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Digits in groups of three. */
export function groupDigits(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

const FACTORS = new Map([["", 1], ["k", 2 ** 10], ["m", 2 ** 20], ["g", 2 ** 30], ["t", 2 ** 40]]);

/** Reads a size typed by hand: `65536`, `64K`, `1.5M`, `2GiB`; units are binary. `undefined` if it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * FACTORS.get(match[2]!.toLowerCase())!);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** What could move the cursor, change colours or reorder the line: controls, format characters, separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text of others (names, comments, answers of trackers) on one line and without control characters. */
export function printable(text: string): string {
  return text.replace(/[\r\n\t]+/g, " ").replace(UNPRINTABLE, "\ufffd");
}

/** Characters of the longest message that is shown: a tracker may say a megabyte, ten times a second in a picture. */
const LONGEST_MESSAGE = 1000;

/** What others say in a message, {@linkcode printable}, and cut if it is no message any more. */
export function printableMessage(text: string): string {
  return printable(text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text);
}
