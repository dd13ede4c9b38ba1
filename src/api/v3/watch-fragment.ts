/**
 * Cutting of large watch responses (etcd.md 5.11): a watcher created with `fragment` gets a response that is over the
 * message limit in pieces, cut between events; all but the last say `fragment`.
 */
import { Event, WatchResponse } from "../../store/wire/messages.ts";
import { Writer } from "../../store/wire/protobuf.ts";

/** Room for header, ids and flags of a piece, and for the tag and length of each event. */
const frameBytes = 64;
const eventOverheadBytes = 8;

/** The response in encoded pieces of at most `bytesMax`, or one event where an event alone is longer. */
export function fragments(response: WatchResponse, bytesMax: number): Uint8Array[] {
  const whole = WatchResponse.encode(response);
  if (whole.length <= bytesMax || response.events.length < 2) return [whole];
  const cuts: Event[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const event of response.events) {
    const size = sizeOf(event) + eventOverheadBytes;
    if (used + size > bytesMax) {
      cuts.push([]);
      used = frameBytes;
    }
    cuts.at(-1)!.push(event);
    used += size;
  }
  return cuts.map((events, i) =>
    WatchResponse.encode({ ...response, events, fragment: i < cuts.length - 1 }),
  );
}

function sizeOf(event: Event): number {
  const writer = new Writer(512);
  Event.encodeTo(writer, event);
  return writer.finish().length;
}
