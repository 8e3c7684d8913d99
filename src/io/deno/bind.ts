/** Binding one port for both IP families. */

import { TransportError } from "../../errors.ts";
import type { BindOptions } from "../transport.ts";

/** A socket that Deno bound. */
interface Bound {
  readonly addr: Deno.Addr;
}

type Bind<T> = (hostname: string, port: number) => T;

function bindOne<T>(bind: Bind<T>, what: string, hostname: string, port: number): T | TransportError {
  try {
    return bind(hostname, port);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new TransportError(`Cannot ${what} on ${hostname} port ${port}: ${reason}`, { cause });
  }
}

/**
 * Binds with `bind`. Without a host it takes `::`, which on most systems serves IPv4 too; where it does not (Windows),
 * a second socket on the same port does; where there is no IPv6 at all, `0.0.0.0` alone.
 *
 * @throws {TransportError} If the port is taken or forbidden; `what` says what was tried.
 */
export function bindBoth<T extends Bound>(options: BindOptions, what: string, bind: Bind<T>): T[] {
  const { host, port = 0 } = options;
  const first = bindOne(bind, what, host ?? "::", port);
  if (first instanceof Error) {
    if (host !== undefined || first.cause instanceof Deno.errors.AddrInUse) throw first;
    const onlyIpv4 = bindOne(bind, what, "0.0.0.0", port);
    if (onlyIpv4 instanceof Error) throw onlyIpv4;
    return [onlyIpv4];
  }
  if (host !== undefined) return [first];
  const second = bindOne(bind, what, "0.0.0.0", (first.addr as Deno.NetAddr).port);
  // A failure only says that the first socket serves IPv4 already.
  return second instanceof Error ? [first] : [first, second];
}
