/** The pictures that commands show while they work, as pure functions of what is known and the width. */

import { formatBytes, formatCount, formatDuration, formatPercent, formatRate, printable } from "./format.ts";
import { drawBar, drawCurve, drawPieces, type Palette, shorten, spread, textWidth } from "./render.ts";

/** Work of known length. */
export interface WorkView {
  /** What is worked on. */
  readonly label: string;
  /** Bytes done so far. */
  readonly done: number;
  /** Bytes in all. */
  readonly total: number;
  readonly elapsedMs: number;
}

/** A torrent under way; the numbers are those of a `TorrentStatus`. */
export interface TransferView {
  readonly name: string;
  readonly state: string;
  /** How much of a magnet link's metadata is here, 0 to 1. */
  readonly metadata: number;
  /** The same in blocks; there are none in all while no peer has told how many. */
  readonly metadataBlocks: number;
  readonly metadataBlockCount: number;
  /** How far a check has come, 0 to 1. */
  readonly checked: number;
  readonly completedLength: number;
  readonly wantedLength: number;
  readonly pieceCount: number;
  readonly hasPiece: (piece: number) => boolean;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly uploaded: number;
  /** Download (while seeding: upload) rates of the last seconds, oldest first. */
  readonly rates: readonly number[];
  readonly peers: number;
  readonly seeds: number;
  readonly webSeeds: number;
  /** Seconds. */
  readonly eta: number | undefined;
}

/** Columns of the longest rate, so that what stands beside it does not jump. */
const RATE_WIDTH = "9.99 MiB/s".length;

/** Columns of the curve beside the rates. */
const CURVE_WIDTH = 12;

/** Two lines: what, how much and how fast, and a bar. */
export function workScreen(view: WorkView, width: number, palette: Palette): readonly string[] {
  const share = view.total === 0 ? 1 : view.done / view.total;
  const rate = view.elapsedMs > 0 ? view.done / view.elapsedMs * 1000 : 0;
  const eta = rate > 0 ? (view.total - view.done) / rate : undefined;
  const numbers = [formatRate(rate), ...(eta === undefined ? [] : [`${formatDuration(eta)} left`])].join(
    "  ",
  );
  return [spread(printable(view.label), numbers, width), barLine(share, width, palette.cyan)];
}

/** Four lines: the name, a bar, the map of pieces, and what flows. */
export function transferScreen(view: TransferView, width: number, palette: Palette): readonly string[] {
  const { share, paint } = progressOf(view, palette);
  return [
    palette.bold(spread(printable(view.name), amount(view), width)),
    barLine(share, width, paint),
    palette.dim(drawPieces(view.hasPiece, view.pieceCount, width)),
    flowLine(view, width, palette),
  ];
}

/** What the bar measures: the metadata, the check, or the content. */
function progressOf(
  view: TransferView,
  palette: Palette,
): { share: number; paint: (text: string) => string } {
  if (view.state === "metadata") return { share: view.metadata, paint: palette.cyan };
  if (view.state === "checking") return { share: view.checked, paint: palette.yellow };
  const share = view.wantedLength === 0 ? 1 : view.completedLength / view.wantedLength;
  return { share, paint: palette.green };
}

function amount(view: TransferView): string {
  if (view.state === "metadata") return "magnet link";
  if (view.completedLength === view.wantedLength) return formatBytes(view.wantedLength);
  return `${formatBytes(view.completedLength)} of ${formatBytes(view.wantedLength)}`;
}

function barLine(share: number, width: number, paint: (text: string) => string): string {
  const label = formatPercent(share).padStart(7);
  return paint(drawBar(share, Math.max(0, width - label.length))) + label;
}

/** As many parts as fit, the most telling ones first. */
function flowLine(view: TransferView, width: number, palette: Palette): string {
  const isSeeding = view.state === "seeding";
  const curve = palette.cyan(drawCurve(view.rates, CURVE_WIDTH));
  const down = `↓ ${formatRate(view.downloadRate).padEnd(RATE_WIDTH)}`;
  const up = `↑ ${formatRate(view.uploadRate).padEnd(RATE_WIDTH)}`;
  const peers = formatCount(view.peers, "peer") + (view.seeds > 0 ? ` (${view.seeds} complete)` : "");
  const sources = view.webSeeds > 0 ? `${peers}, ${formatCount(view.webSeeds, "web seed")}` : peers;
  const parts = isSeeding
    ? [up, curve, peers, `${formatBytes(view.uploaded)} sent`]
    : [down, curve, sources, timeLeft(view), up];
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? part : `${line}  ${part}`;
    if (textWidth(longer) > width) break;
    line = longer;
  }
  return line === "" ? shorten(isSeeding ? up : down, width) : line.trimEnd();
}

/** The first life of a magnet link, step by step. */
function metadataPhase({ peers, metadataBlocks, metadataBlockCount }: TransferView): string {
  if (peers === 0) return "looking for peers";
  if (metadataBlockCount === 0) return "asking for the metadata";
  return `metadata ${metadataBlocks} of ${metadataBlockCount}`;
}

function timeLeft(view: TransferView): string {
  if (view.state === "metadata") return metadataPhase(view);
  if (view.state === "checking") return "checking what is there";
  if (view.state === "downloading") {
    return view.eta === undefined ? "waiting for pieces" : `${formatDuration(view.eta)} left`;
  }
  return view.state;
}
