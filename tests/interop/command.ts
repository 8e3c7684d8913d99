/** Programs of this machine, run outside the laboratory. */

const text = new TextDecoder();

/** Runs a program of this machine, outside the namespaces, and throws if it fails. */
export async function command(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  if (code !== 0) throw new Error(`Cannot run ${program} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
