/** Counting what virtual hosts send and receive. */

/** What a host sent and got: payload bytes, without headers of any kind. */
export interface Traffic {
  /** Bytes written to connections and sent as datagrams. */
  readonly sentBytes: number;
  /** Bytes that arrived in connections and datagrams. */
  readonly receivedBytes: number;
  /** Datagrams sent. */
  readonly sentDatagrams: number;
  /** Datagrams of those sent that were lost on the way. */
  readonly lostDatagrams: number;
}
