/** The version of the package, as `deno.json` has it; a test keeps the two equal. */

/** What `--version` prints. */
export const VERSION = "0.1.0";
