/** The one assertion of the vectors, in words that every runtime knows. */

/** Compares by JSON, counts, and throws at the first difference. */
export class Checks {
  #count = 0;

  /** How many values were right so far. */
  get count(): number {
    return this.#count;
  }

  /** Throws unless both are the same as JSON. */
  equal(what: string, actual: unknown, expected: unknown): void {
    const [found, wanted] = [actual, expected].map((value) => JSON.stringify(value));
    if (found !== wanted) throw new Error(`${what}: ${found} is not ${wanted}`);
    this.#count++;
  }
}
