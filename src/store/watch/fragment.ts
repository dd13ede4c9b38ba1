/** Cutting a watch response that is too large for one message, for watchers that asked for it (etcd.md 5.11). */
import type { Event, KeyValue, WatchResponse } from "../wire/messages.ts";

/** Rough size on the wire of one event: its bytes and about 64 for tags and numbers. */
export function eventBytes(event: Event): number {
  return 64 + pairBytes(event.kv) + pairBytes(event.prev_kv);
}

function pairBytes(kv: KeyValue | undefined): number {
  return kv === undefined ? 0 : kv.key.length + kv.value.length;
}

/** The response in pieces of at most `bytesMax`, cut between events; all but the last are marked. Headers are not shared. */
export function fragments(response: WatchResponse, bytesMax: number): WatchResponse[] {
  const pieces: WatchResponse[] = [];
  let events: Event[] = [];
  let bytes = 0;
  const cut = (fragment: boolean): void => {
    pieces.push({ ...response, header: response.header && { ...response.header }, events, fragment });
    events = [];
    bytes = 0;
  };
  for (const event of response.events) {
    const size = eventBytes(event);
    if (events.length > 0 && bytes + size > bytesMax) cut(true);
    events.push(event);
    bytes += size;
  }
  cut(false);
  return pieces;
}
