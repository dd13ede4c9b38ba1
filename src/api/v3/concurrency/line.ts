/**
 * The line behind a lock or an election (etcd.md 10): every key under `name/`, in the order of creation, each named after the
 * lease that keeps it. The first one holds the lock, or leads. Built on KvClient alone, so a worker serves it too.
 *
 *   lock/7f3a  created at 12   holds
 *   lock/7f41  created at 15   watches lock/7f3a
 *   lock/7f40  created at 19   watches lock/7f41
 *
 * Everybody waits for the key right in front and for no other, so a release wakes one waiter however many there are.
 */
import { prefixEnd, utf8 } from "../../../base/bytes.ts";
import { type CallOptions, type Init, type KvClient, KvError } from "../../../store/kv.ts";
import {
  type Compare,
  CompareTarget,
  EventType,
  type KeyValue,
  type RangeRequest,
  type ResponseHeader,
  SortOrder,
  SortTarget,
} from "../../../store/wire/messages.ts";
import { watched } from "./watched.ts";

/** Of a lease that the server makes for a caller who brings none. Nobody renews it. */
const serverLeaseTtlSeconds = 60;
const noPuts = [0];

/** One key in the line. */
export interface Place {
  readonly name: Uint8Array;
  readonly key: Uint8Array;
  readonly lease: bigint;
  /** Its create revision: what tells it from a later key of the same name. */
  readonly revision: number;
}

export interface Entry {
  readonly place: Place;
  /** What the key holds: the value given, or that of an earlier call with the same lease. */
  readonly value: Uint8Array;
  /** Of the answer that made or found the key. */
  readonly header: ResponseHeader | undefined;
  /** Whether nobody is in front. */
  readonly first: boolean;
}

/** On whose behalf, without anything else of the call: the request's bytes are not those of ours, and a write is not left half-way. */
export function onBehalf({ caller }: CallOptions): CallOptions {
  return caller ? { caller } : {};
}

/** The same, for what may be given up while waiting. */
export function whileWanted({ signal, ...options }: CallOptions): CallOptions {
  return signal ? { ...onBehalf(options), signal } : onBehalf(options);
}

/** The lease that the caller brings, or a new one where it is 0. */
export async function leaseOf(kv: KvClient, lease: bigint, options: CallOptions): Promise<bigint> {
  if (lease !== 0n) return lease;
  return (await kv.leaseGrant({ TTL: serverLeaseTtlSeconds }, onBehalf(options))).ID;
}

/** The oldest key under `name/`: the one that holds. */
export function firstOf(name: Uint8Array): Init<RangeRequest> {
  return { ...interval(name), sort_target: SortTarget.CREATE, sort_order: SortOrder.ASCEND, limit: 1 };
}

/** All keys of the line. */
export function interval(name: Uint8Array): { key: Uint8Array; range_end: Uint8Array } {
  const key = Buffer.concat([name, utf8.encode("/")]);
  return { key, range_end: prefixEnd(key) };
}

/** True as long as the key in the line is this one. */
export function stillThere({ key, revision }: Pick<Place, "key" | "revision">): Init<Compare> {
  return { target: CompareTarget.CREATE, key, create_revision: revision };
}

/** Takes a place at the end of the line, or finds the one that the lease has already. */
export async function enter(
  kv: KvClient,
  request: { name: Uint8Array; lease: bigint; value: Uint8Array },
  options: CallOptions,
): Promise<Entry> {
  const { name, lease, value } = request;
  const key = Buffer.concat([name, utf8.encode(`/${lease.toString(16)}`)]);
  const first = { request_range: firstOf(name) };
  const answer = await kv.txn(
    {
      compare: [stillThere({ key, revision: 0 })],
      success: [{ request_put: { key, value, lease } }, first],
      failure: [{ request_range: { key } }, first],
    },
    onBehalf(options),
  );
  const { header } = answer;
  const found = answer.responses[0]?.response_range?.kvs[0];
  const revision = found?.create_revision ?? header?.revision ?? 0;
  const holder = answer.responses[1]?.response_range?.kvs[0];
  return {
    place: { name, key, lease, revision },
    value: found?.value ?? value,
    header,
    first: holder === undefined || holder.create_revision === revision,
  };
}

/**
 * Resolves once nobody is in front of `place`. Rejects with `kv.lease-not-found` as soon as the place itself is gone, its lease
 * having died; the place is given up when waiting fails for any reason, the caller's leaving among them.
 */
export async function untilFirst(
  kv: KvClient,
  place: Place,
  options: CallOptions,
): Promise<ResponseHeader | undefined> {
  try {
    for (;;) {
      const { header, ahead } = await look(kv, place, options);
      if (ahead === null) return header;
      await untilGone(kv, [ahead.key, place.key], (header?.revision ?? 0) + 1, options);
    }
  } catch (error) {
    await leave(kv, place, options).catch(() => {});
    throw error;
  }
}

/** Deletes the place if it is still there. */
export async function leave(
  kv: KvClient,
  place: Pick<Place, "key" | "revision">,
  options: CallOptions,
): Promise<ResponseHeader | undefined> {
  const txn = { compare: [stillThere(place)], success: [{ request_delete_range: { key: place.key } }] };
  return (await kv.txn(txn, onBehalf(options))).header;
}

/** Who is right in front, and whether we are still in line ourselves, at one revision. */
async function look(
  kv: KvClient,
  place: Place,
  options: CallOptions,
): Promise<{ header: ResponseHeader | undefined; ahead: KeyValue | null }> {
  const ahead: Init<RangeRequest> = {
    ...interval(place.name),
    max_create_revision: place.revision - 1,
    sort_target: SortTarget.CREATE,
    sort_order: SortOrder.DESCEND,
    limit: 1,
    keys_only: true,
  };
  const self = { key: place.key, keys_only: true };
  const answer = await kv.txn(
    { success: [{ request_range: self }, { request_range: ahead }] },
    whileWanted(options),
  );
  const [own, front] = answer.responses.map((each) => each.response_range?.kvs[0]);
  if (own?.create_revision !== place.revision) throw new KvError("kv.lease-not-found");
  return { header: answer.header, ahead: front ?? null };
}

/** Resolves when any of the keys is deleted from `start_revision` on, or when that can no longer be told. */
async function untilGone(
  kv: KvClient,
  keys: readonly Uint8Array[],
  start_revision: number,
  options: CallOptions,
): Promise<void> {
  const requests = keys.map((key) => ({ key, start_revision, filters: noPuts }));
  try {
    for await (const { events } of watched(kv, requests, whileWanted(options))) {
      if (events.some((event) => event.type === EventType.DELETE)) return;
    }
  } catch (error) {
    // History is gone: looking again tells.
    if (!(error instanceof KvError) || error.code !== "kv.compacted") throw error;
  }
}
