/** Takes namespaces, processes and folders of laboratories away: one's own, and those of runs that were killed. */
import { command } from "./command.ts";

/** Begins the names of namespaces and folders; the pid of the run that owns them comes next. */
export const NAMESPACE_PREFIX = "nbt";
/** The same for folders of labs. */
export const FOLDER_PREFIX = "network-bittorrent-lab-";

const NAMESPACE = new RegExp(`^${NAMESPACE_PREFIX}(\\d+)x[0-9a-z]+(?:bridge|h\\d+)$`);
const FOLDER = new RegExp(`/${FOLDER_PREFIX}(\\d+)-[^/]+$`);

/** Ends what runs in a namespace, and removes it. */
export async function removeNamespace(name: string): Promise<void> {
  const pids = (await command("ip", ["netns", "pids", name])).split("\n").filter((line) => line !== "");
  for (const pid of pids) {
    try {
      Deno.kill(Number(pid), "SIGKILL");
    } catch { /* it ended by itself */ }
  }
  await command("ip", ["netns", "del", name]);
}

/** Removes a folder and the disks that are mounted in it. */
export async function removeFolder(path: string): Promise<void> {
  for (const line of (await Deno.readTextFile("/proc/mounts")).split("\n")) {
    const mount = line.split(" ")[1] ?? "";
    if (mount.startsWith(`${path}/`)) await command("umount", ["--lazy", mount]);
  }
  await Deno.remove(path, { recursive: true });
}

/** Applies `remove` to every name whose owner is dead. */
async function removeStale(
  names: readonly string[],
  pattern: RegExp,
  remove: (name: string) => Promise<void>,
): Promise<void> {
  for (const name of names) {
    const owner = pattern.exec(name)?.[1];
    if (owner === undefined || await isAlive(Number(owner))) continue;
    await remove(name).catch(() => {/* another run was quicker */});
  }
}

/** All network namespaces of this machine. */
export async function namespaces(): Promise<string[]> {
  return (await command("ip", ["netns", "list"])).split("\n").map((line) => line.split(" ")[0] ?? "");
}

/** Removes what killed runs left: it carries the pid of a process long gone. */
export async function removeLeftovers(): Promise<void> {
  await removeStale(await namespaces(), NAMESPACE, removeNamespace);
  const probe = await Deno.makeTempDir({ prefix: FOLDER_PREFIX });
  await Deno.remove(probe);
  const parent = probe.slice(0, probe.lastIndexOf("/"));
  const folders = Array.from(Deno.readDirSync(parent), (entry) => `${parent}/${entry.name}`);
  await removeStale(folders, FOLDER, removeFolder);
}

async function isAlive(pid: number): Promise<boolean> {
  return await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
}
