/** Objects in the making. */

/**
 * An object before it is handed out, when keys that may be absent can still be set. (Measured on V8: 25 ns a key, where
 * spreading an object with that key takes 100.)
 */
export type Draft<Noun> = { -readonly [Key in keyof Noun]: Noun[Key] };
