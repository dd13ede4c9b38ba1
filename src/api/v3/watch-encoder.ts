/**
 * Watch responses as bytes, with what many of them share made once: the header of a revision, and the events (store/kv.ts,
 * EncodedEvents). What is left for each watcher is its id. The pieces lie in the order of their field numbers, so together
 * they are the message as one encoder would have written it.
 */
import type { EncodedEvents, WatchResponse } from "../../store/kv.ts";
import { type ResponseHeader, WatchResponse as WatchResponseCodec } from "../../store/wire/messages.ts";

export class WatchEncoder {
  #header: ResponseHeader | undefined;
  #headerBytes: Uint8Array = new Uint8Array(0);

  /** The message in pieces. Pieces are shared with other messages: not to be altered. */
  encode(response: WatchResponse, events: EncodedEvents | undefined): readonly Uint8Array[] {
    if (events === undefined) return [WatchResponseCodec.encode(response)];
    const own = WatchResponseCodec.encode({ watch_id: response.watch_id, fragment: response.fragment });
    return [this.#headerOf(response.header), own, events.encoded];
  }

  #headerOf(header: ResponseHeader | undefined): Uint8Array {
    if (header === undefined || !isSame(header, this.#header)) {
      this.#headerBytes = WatchResponseCodec.encode({ header });
      this.#header = header && { ...header };
    }
    return this.#headerBytes;
  }
}

function isSame(left: ResponseHeader, right: ResponseHeader | undefined): boolean {
  return (
    left.revision === right?.revision &&
    left.raft_term === right.raft_term &&
    left.member_id === right.member_id &&
    left.cluster_id === right.cluster_id
  );
}
