/** A farm of DHT nodes of libtorrent on one host: the world in which the tests of the DHT happen. */
import { PYTHON } from "../contents.ts";
import { type Host, until } from "../lab.ts";
import { endpoint, PORT } from "./client.ts";

const SCRIPT = new URL("./dht_farm.py", import.meta.url).pathname;

/** The second port is that of `dht.libtorrent.org`, which qBittorrent begins with; Transmission wants eight nodes. */
const PORTS: readonly number[] = [PORT, 25_401, 7000, 7001, 7002, 7003, 7004, 7005, 7006, 7007];

/** A farm that runs. */
export interface DhtFarm {
  /** Its nodes, as `host:port`. */
  readonly nodes: readonly string[];
  /** Puts a question to the last node; see the script. */
  ask(verb: string, ...args: readonly string[]): Promise<Record<string, unknown>>;
}

/** Starts as many nodes as wanted, ten at most, that know each other. */
export function startDhtFarm(
  host: Host,
  options: { readonly nodes?: number; readonly isIpv6?: boolean } = {},
): Promise<DhtFarm> {
  const address = options.isIpv6 === true ? host.address6 : host.address;
  return start(host, [], PORTS.slice(0, options.nodes).map((port) => endpoint(address, port)));
}

/** Starts nodes at addresses of the host that want ids which belong to addresses (BEP 42). */
export function startSecureFarm(host: Host, addresses: readonly string[]): Promise<DhtFarm> {
  return start(host, ["--secure"], addresses.map((address) => endpoint(address)));
}

async function start(host: Host, flags: readonly string[], nodes: readonly string[]): Promise<DhtFarm> {
  const questions = `${host.folder("dht-farm")}/questions`;
  await Deno.writeTextFile(questions, "");
  const process = host.spawn("farm of libtorrent", [PYTHON, SCRIPT, questions, ...flags, ...nodes]);
  const answers = () => process.events().filter(({ event }) => event === "answer");
  await until("the farm is up", () => process.isOver || process.events().some(({ event }) => event === "up"));
  let asked = 0;
  return {
    nodes,
    ask: async (verb, ...args) => {
      const turn = asked++;
      await Deno.writeTextFile(questions, `${JSON.stringify([verb, ...args])}\n`, { append: true });
      await until(`the farm answers ${verb}`, () => process.isOver || answers().length > turn);
      const answer = answers()[turn];
      if (answer === undefined) throw new Error(`The farm ended before it answered ${verb}`);
      return answer;
    },
  };
}
