/** The table of everything that a lookup can be about: a new kind of lookup is a row here. */

import { GET_ITEM, PUT_ITEM } from "./item_tasks.ts";
import { ANNOUNCE, FIND_NODE, GET_PEERS, REFRESH, SCRAPE } from "./peer_tasks.ts";
import type { Task } from "./state.ts";
import type { TaskRow } from "./task.ts";

const TASKS: { readonly [T in Task["type"]]: TaskRow<Extract<Task, { readonly type: T }>> } = {
  findNode: FIND_NODE,
  refresh: REFRESH,
  getPeers: GET_PEERS,
  announce: ANNOUNCE,
  scrape: SCRAPE,
  getItem: GET_ITEM,
  putItem: PUT_ITEM,
};

/** The row of a task. */
export function rowOf(task: Task): TaskRow<Task> {
  return TASKS[task.type];
}
