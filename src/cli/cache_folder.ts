/** Where the program keeps what it would like to find again but can do without. */

import { join } from "node:path";

/** What options say of it. */
interface CacheValues {
  readonly cache: string | undefined;
  readonly "no-cache": boolean;
}

/** The folder that the options leave: the one they name, else the user's; `undefined` if nothing shall be kept. */
export function chooseCacheFolder(options: CacheValues): string | undefined {
  return options["no-cache"] ? undefined : options.cache ?? cacheFolder();
}

/**
 * The folder for this program in the user's cache folder: below `$XDG_CACHE_HOME`, else `~/.cache`, on Windows
 * `%LOCALAPPDATA%`. `undefined` where there is none, or where Deno may not look at the environment.
 */
function cacheFolder(): string | undefined {
  const chosen = variable("XDG_CACHE_HOME"), home = variable("HOME");
  // The XDG base directory specification wants paths that are not absolute to be ignored.
  const base = chosen?.startsWith("/")
    ? chosen
    : Deno.build.os === "windows"
    ? variable("LOCALAPPDATA")
    : home && join(home, ".cache");
  return base ? join(base, "network-bittorrent") : undefined;
}

/** Asks for no permission. */
function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
