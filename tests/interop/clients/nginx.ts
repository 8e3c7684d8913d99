/** nginx, Debian's build: a web server with ranges that knows nothing of BitTorrent. */
import { type Host, untilListening } from "../lab.ts";

const WEB_PORT = 8080;

/** The files that must exist for it to run. */
export const NGINX_NEEDS: readonly string[] = ["/usr/sbin/nginx"];

/** One line of the access log. */
export interface Hit {
  readonly status: number;
  readonly range: string;
  readonly length: number;
}

/** A web server that runs. */
export interface WebServer {
  /** Where the folder is found, with a slash at the end. */
  readonly url: string;
  /** The requests of one host so far. */
  hitsOf(client: Host): Promise<Hit[]>;
}

/** Serves a folder; `rate` is bytes a second for every connection. */
export async function startNginx(
  host: Host,
  folder: string,
  options: { rate?: number } = {},
): Promise<WebServer> {
  const home = host.folder("nginx"), temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  await Deno.writeTextFile(
    `${home}/nginx.conf`,
    `daemon off; user root; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
    events {}
    http {
      ${temporary.map((name) => `${name}_temp_path ${home}/${name};`).join(" ")}
      log_format hits '$remote_addr|$status|$http_range|$body_bytes_sent';
      access_log ${home}/access.log hits;
      ${options.rate === undefined ? "" : `limit_rate ${options.rate};`}
      server { listen ${host.address}:${WEB_PORT}; root "${folder}"; }
    }\n`,
  );
  const process = host.spawn("nginx", ["/usr/sbin/nginx", "-p", home, "-c", `${home}/nginx.conf`]);
  await untilListening(process, WEB_PORT);
  return {
    url: `http://${host.address}:${WEB_PORT}/`,
    hitsOf: async (client) => {
      const lines = (await Deno.readTextFile(`${home}/access.log`)).trim().split("\n");
      return lines.map((line) => line.split("|")).filter(([address]) => address === client.address)
        .map(([, status, range, length]) => ({
          status: Number(status),
          range: range ?? "",
          length: Number(length),
        }));
    },
  };
}
