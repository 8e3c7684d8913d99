/** The library's version, as it stands in `deno.json`; a test keeps the two alike. */

/** Version of this library (semantic versioning). */
export const VERSION = "0.1.0";
