/** Length and time of the last change: the two facts by which a change is noticed. */

/** What a file was at one moment; a `FileStamp` without the name. */
export interface FileVersion {
  /** Bytes. */
  readonly length: number;
  /** Last change in milliseconds since 1970; 0 where the system does not tell. */
  readonly modifiedMs: number;
}

/** What a file was after a write of ours, and whether somebody else had cut it before: that leaves a hole behind. */
export interface WrittenVersion extends FileVersion {
  /** It was shorter than we had left it. */
  readonly wasCut: boolean;
}

/** Reads the version from what the system says. */
export function versionOf(info: Deno.FileInfo): FileVersion {
  return { length: info.size, modifiedMs: info.mtime?.getTime() ?? 0 };
}
