/** Who leads, followed: the present leader first, then each change (etcd.md 10, Observe). */
import type { CallOptions, KvClient } from "../../../store/kv.ts";
import { KvError } from "../../../store/kv.ts";
import type { LeaderResponse } from "../../../store/wire/concurrency-messages.ts";
import { EventType, type ResponseHeader } from "../../../store/wire/messages.ts";
import { firstOf, interval, whileWanted } from "./line.ts";
import { watched } from "./watched.ts";

/** The oldest key under `name/`; rejects with `election.no-leader`. */
export async function leaderOf(
  kv: KvClient,
  name: Uint8Array,
  options: CallOptions,
): Promise<LeaderResponse> {
  const { header, kvs } = await kv.range(firstOf(name), whileWanted(options));
  const kv0 = kvs[0];
  if (kv0 === undefined) throw new KvError("election.no-leader");
  return { header, kv: kv0 };
}

/** Never ends by itself. A change of leaders that is over before we look is not seen, as with etcd. */
export async function* observe(
  kv: KvClient,
  name: Uint8Array,
  options: CallOptions,
): AsyncGenerator<LeaderResponse, never, undefined> {
  for (;;) {
    const { header, kvs } = await kv.range(firstOf(name), whileWanted(options));
    const leader: LeaderResponse = kvs[0]
      ? { header, kv: kvs[0] }
      : await firstToCome(kv, name, header, options);
    yield leader;
    yield* proclaimed(kv, leader, options);
  }
}

/** The first key that is put under a name that has none. */
async function firstToCome(
  kv: KvClient,
  name: Uint8Array,
  seen: ResponseHeader | undefined,
  options: CallOptions,
): Promise<LeaderResponse> {
  const request = { ...interval(name), start_revision: (seen?.revision ?? 0) + 1 };
  for await (const { header, events } of watched(kv, [request], whileWanted(options))) {
    const put = events.find((event) => event.type === EventType.PUT);
    // The response may hold later revisions too; the answer is of this one.
    if (put?.kv) return { header: header && { ...header, revision: put.kv.mod_revision }, kv: put.kv };
  }
  throw new KvError("kv.stopped");
}

/** What the leader says from now on; ends when its key is deleted, or when history is gone and has to be looked up anew. */
async function* proclaimed(
  kv: KvClient,
  leader: LeaderResponse,
  options: CallOptions,
): AsyncGenerator<LeaderResponse, void, undefined> {
  const request = { key: leader.kv!.key, start_revision: (leader.header?.revision ?? 0) + 1 };
  try {
    for await (const { header, events } of watched(kv, [request], whileWanted(options))) {
      for (const event of events) {
        if (event.type === EventType.DELETE) return;
        yield { header, kv: event.kv };
      }
    }
  } catch (error) {
    if (!(error instanceof KvError) || error.code !== "kv.compacted") throw error;
  }
}
