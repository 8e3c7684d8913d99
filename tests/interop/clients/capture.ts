/** tshark 4.0: records what passes a host's network, and reads it as a judge who knows neither side. */
import { command, type Host, type Running, until } from "../lab.ts";
import { PORT } from "./client.ts";

/** Files that must exist for it to run. */
export const TSHARK_NEEDS: readonly string[] = ["/usr/bin/tshark"];

/** How long frames may take from the wire to the recording. */
const SETTLE_MS = 2000;

/** Mebibytes that the system keeps while the recorder gets no time; of the usual two a busy machine lost frames. */
const BUFFER = 64;

/** A recording under way. */
export class Capture {
  readonly #process: Running;
  readonly #path: string;

  constructor(process: Running, path: string) {
    this.#process = process;
    this.#path = path;
  }

  /**
   * Ends the recording; everything that was sent before is in it: on a busy machine it comes late. Answers how many frames
   * the system threw away because the recorder was too slow.
   */
  async stop(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    await this.#process.stop("SIGINT");
    return Number(/(\d+) packets? dropped/.exec(this.#process.stderr())?.[1] ?? 0);
  }

  /** The frames that match a display filter, one line each: their summary, or these fields separated by tabs. */
  async frames(filter: string, ...fields: readonly string[]): Promise<readonly string[]> {
    const columns = fields.length === 0 ? [] : ["-T", "fields", ...fields.flatMap((field) => ["-e", field])];
    const decoder = ["-d", `tcp.port==${PORT},bittorrent`];
    const out = await command("tshark", ["-r", this.#path, ...decoder, "-Y", filter, ...columns]);
    return out.split("\n").filter((line) => line !== "");
  }
}

/** Records a host from now on. */
export async function startCapture(host: Host): Promise<Capture> {
  const path = `${host.folder("capture")}/frames.pcapng`;
  const process = host.spawn("tshark", ["tshark", "-q", "-B", `${BUFFER}`, "-i", "eth0", "-w", path]);
  await until("tshark records", () => process.stderr().includes("Capture started"));
  return new Capture(process, path);
}
