/** v3lockpb.Lock (etcd.md 10): a name, a lease, and a place in its line. */
import type { CallOptions, KvClient } from "../../store/kv.ts";
import {
  LockRequest,
  LockResponse,
  UnlockRequest,
  UnlockResponse,
} from "../../store/wire/concurrency-messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { enter, leaseOf, onBehalf, untilFirst } from "./concurrency/line.ts";
import { plainly } from "./concurrency/plainly.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

const noValue = new Uint8Array(0);

/** Waits for as long as the client does; a lock that its lease holds already is answered at once. */
export function lock(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(LockRequest, LockResponse, gate, (request, options) => plainly(acquire(kv, request, options)));
}

/** Deletes the key that Lock gave; one that is gone already is no error. */
export function unlock(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(UnlockRequest, UnlockResponse, gate, async ({ key }, options) => {
    const { header } = await plainly(kv.deleteRange({ key }, onBehalf(options)));
    return { header };
  });
}

async function acquire(kv: KvClient, request: LockRequest, options: CallOptions): Promise<LockResponse> {
  const lease = await leaseOf(kv, request.lease, options);
  const { place, header, first } = await enter(kv, { name: request.name, lease, value: noValue }, options);
  return { header: first ? header : await untilFirst(kv, place, options), key: place.key };
}
