/** Records as JSON, for programs; a terminal that shows it is safe as well. */

/**
 * Characters that JSON may spell out and that would steer a terminal: some take those beyond ASCII for the start of a
 * control sequence, and names and messages are a stranger's choice. Line feeds are our own.
 */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** How values are written that JSON knows nothing of; as `JSON.stringify` takes it. */
export type Replacer = (key: string, value: unknown) => unknown;

/** A record on a line of its own, for those who read as it comes. */
export function jsonLine(record: unknown, replacer?: Replacer): string {
  return `${escape(JSON.stringify(record, replacer))}\n`;
}

/** A record on many lines, for those who read all of it. */
export function jsonText(record: unknown): string {
  return `${escape(JSON.stringify(record, undefined, 2))}\n`;
}

function escape(json: string): string {
  return json.replace(STEERING, (char) => char === "\n" ? char : char.split("").map(escapeUnit).join(""));
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
