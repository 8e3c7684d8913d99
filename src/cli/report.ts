/** What a torrent or a magnet link says: as the record that `info --json` prints, and as lines for a person. */

import { encodeHex } from "../bytes/text.ts";
import { formatHostAndPort, type HostAndPort } from "../metainfo/host_and_port.ts";
import { formatMagnet, type MagnetLink, magnetLink } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { formatSelection } from "../metainfo/selection.ts";
import { formatBytes, formatCount, groupDigits, printable } from "./format.ts";
import { drawTable, type Palette } from "./render.ts";

/** A file of a {@linkcode Report}. */
export interface FileReport {
  /** Safe segments; of several files the torrent's name is the first one. */
  readonly path: readonly string[];
  readonly length: number;
  /** Padding between files: zeros that nobody stores. */
  readonly pad: boolean;
  /** Whether it is a program (BEP 47). */
  readonly executable: boolean;
  /** What a symbolic link leads to, as `path` names it (BEP 47). */
  readonly symlink: readonly string[] | null;
}

/** What `info --json` prints: every key always, `null` where nothing is known. Lengths in bytes. */
export interface Report {
  readonly name: string | null;
  readonly version: "1" | "2" | "hybrid" | null;
  /** 40 hex digits; `null` of a v2-only torrent. */
  readonly infoHash: string | null;
  /** 64 hex digits; `null` of a v1 torrent. */
  readonly infoHashV2: string | null;
  readonly pieceLength: number | null;
  readonly pieceCount: number | null;
  /** All files without padding. */
  readonly length: number | null;
  readonly private: boolean | null;
  readonly files: readonly FileReport[];
  /** Tracker URLs in tiers. */
  readonly announce: readonly (readonly string[])[];
  /** URLs of the content on web servers (BEP 19). */
  readonly webSeeds: readonly string[];
  /** URLs of scripts that serve pieces (BEP 17). */
  readonly httpSeeds: readonly string[];
  /** DHT nodes. */
  readonly nodes: readonly HostAndPort[];
  readonly comment: string | null;
  readonly createdBy: string | null;
  /** Seconds since 1970. */
  readonly creationDate: number | null;
  /** Text that makes the info hash differ from others of the same content. */
  readonly source: string | null;
  /** Info hashes of torrents that may share files (BEP 38), in hex digits. */
  readonly similar: readonly string[];
  /** Collections that the torrent belongs to (BEP 38). */
  readonly collections: readonly string[];
  /** Where a newer version of the torrent would be (BEP 39). */
  readonly updateUrl: string | null;
  /** The public key that a link stands for, and its salt (BEP 46), in hex digits. */
  readonly key: string | null;
  readonly salt: string | null;
  /** Peers that a link names. */
  readonly peers: readonly HostAndPort[];
  /** Indexes of the files that a link chooses, `null` for all (BEP 53). */
  readonly selectOnly: readonly number[] | null;
  /** URLs at which a link says that the torrent file is. */
  readonly sources: readonly string[];
}

/** What is said of nobody. */
const NOTHING: Report = {
  name: null,
  version: null,
  infoHash: null,
  infoHashV2: null,
  pieceLength: null,
  pieceCount: null,
  length: null,
  private: null,
  files: [],
  announce: [],
  webSeeds: [],
  httpSeeds: [],
  nodes: [],
  comment: null,
  createdBy: null,
  creationDate: null,
  source: null,
  similar: [],
  collections: [],
  updateUrl: null,
  key: null,
  salt: null,
  peers: [],
  selectOnly: null,
  sources: [],
};

/** Reports on a torrent file. */
export function reportTorrent(metainfo: Metainfo): Report {
  const { info } = metainfo;
  return {
    ...NOTHING,
    name: info.name,
    version: metainfo.version,
    infoHash: metainfo.infoHashV1 ? encodeHex(metainfo.infoHashV1) : null,
    infoHashV2: metainfo.infoHashV2 ? encodeHex(metainfo.infoHashV2) : null,
    pieceLength: info.pieceLength,
    pieceCount: info.pieceCount,
    length: info.contentLength,
    private: info.private,
    files: info.files.map(({ path, length, pad, executable, symlink = null }) => ({
      path,
      length,
      pad,
      executable,
      symlink,
    })),
    announce: metainfo.announce,
    webSeeds: metainfo.webSeeds,
    httpSeeds: metainfo.httpSeeds,
    nodes: metainfo.nodes,
    comment: metainfo.comment ?? null,
    createdBy: metainfo.createdBy ?? null,
    creationDate: metainfo.creationDate ?? null,
    source: info.source ?? null,
    similar: metainfo.similar.map(encodeHex),
    collections: metainfo.collections,
    updateUrl: info.updateUrl ?? null,
  };
}

/** Reports on a magnet link, which says little. */
export function reportMagnet(link: MagnetLink): Report {
  const { infoHashV1, infoHashV2, publicKey, salt } = link;
  return {
    ...NOTHING,
    name: link.name ?? null,
    version: infoHashV1 && infoHashV2 ? "hybrid" : infoHashV1 ? "1" : infoHashV2 ? "2" : null,
    infoHash: infoHashV1 ? encodeHex(infoHashV1) : null,
    infoHashV2: infoHashV2 ? encodeHex(infoHashV2) : null,
    length: link.length ?? null,
    announce: link.trackers.map((tracker) => [tracker]),
    webSeeds: link.webSeeds,
    nodes: link.nodes,
    key: publicKey ? encodeHex(publicKey) : null,
    salt: salt ? encodeHex(salt) : null,
    peers: link.peers,
    selectOnly: link.selectOnly ?? null,
    sources: link.sources,
  };
}

/** Seconds since 1970 as ISO 8601; `null` also for a date that no calendar has. */
function formatDate(seconds: number | null): string | null {
  const date = new Date((seconds ?? NaN) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(".000Z", "Z");
}

/** The lines of `info`: what is known, then the files. */
export function drawReport(report: Report, palette: Palette): string[] {
  const rows = factsOf(report).map(([label, text]) => [palette.bold(label), text]);
  const files = report.files.filter(({ pad }) => !pad);
  return [...drawTable(rows), ...(files.length > 1 ? ["", ...drawFiles(files, palette)] : [])];
}

function factsOf(report: Report): [string, string][] {
  const facts: [string, string | null][] = [
    ["Name", report.name],
    ["Version", report.version],
    ["Info hash", report.infoHash],
    ["Info hash v2", report.infoHashV2],
    ["Key", report.key],
    ["Salt", report.salt],
    ["Length", report.length === null ? null : describeLength(report.length)],
    ["Pieces", describePieces(report)],
    ["Chosen files", report.selectOnly && formatSelection(report.selectOnly)],
    ["Private", report.private ? "yes" : null],
    ["Source", report.source],
    ...listOf("Trackers", report.announce.map((tier) => tier.join("  "))),
    ...listOf("Web seeds", [...report.webSeeds, ...report.httpSeeds]),
    ...listOf("Torrent file", report.sources),
    ...listOf("DHT nodes", report.nodes.map(formatHostAndPort)),
    ...listOf("Peers", report.peers.map(formatHostAndPort)),
    ...listOf("Similar", report.similar),
    ...listOf("Collections", report.collections),
    ["Updates from", report.updateUrl],
    ["Comment", report.comment],
    ["Created by", report.createdBy],
    ["Created", formatDate(report.creationDate)],
  ];
  return facts.flatMap(([label, text]) => text === null ? [] : [[label, printable(text)]]);
}

/** Rows of which the first alone has the label. */
function listOf(label: string, texts: readonly string[]): [string, string][] {
  return texts.map((text, index) => [index === 0 ? label : "", text]);
}

function describeLength(length: number): string {
  return length < 1000 ? formatBytes(length) : `${formatBytes(length)} (${groupDigits(length)} bytes)`;
}

function describePieces({ pieceCount, pieceLength }: Report): string | null {
  if (pieceCount === null || pieceLength === null) return null;
  return `${groupDigits(pieceCount)} of ${formatBytes(pieceLength)}`;
}

function drawFiles(files: readonly FileReport[], palette: Palette): string[] {
  const name = ({ path, symlink }: FileReport) =>
    printable([path, ...symlink ? [symlink] : []].map((p) => p.join("/")).join(" → "));
  const rows = files.map((file) => [palette.dim(formatBytes(file.length)), name(file)]);
  return [palette.bold(formatCount(files.length, "file")), ...drawTable(rows, [0])];
}

/** What `create` and `edit` say of the torrent they wrote: where it is and what it is known by. */
export function drawIdentity(metainfo: Metainfo, path: string, palette: Palette): string {
  const { infoHash, infoHashV2 } = reportTorrent(metainfo);
  const rows = [
    ["Torrent", printable(path)],
    ...(infoHash === null ? [] : [["Info hash", infoHash]]),
    ...(infoHashV2 === null ? [] : [["Info hash v2", infoHashV2]]),
    ["Magnet", formatMagnet(magnetLink(metainfo))],
  ];
  return drawTable(rows.map(([label, text]) => [palette.bold(label!), text!])).join("\n") + "\n";
}
