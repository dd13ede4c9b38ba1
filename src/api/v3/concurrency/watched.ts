/** A watch as something to iterate over: pulled one response at a time, so at most one waits in memory. */
import {
  type CallOptions,
  type Init,
  type KvClient,
  KvError,
  type WatchResponse,
} from "../../../store/kv.ts";
import { GrpcCode } from "../../../store/wire/grpc-code.ts";
import type { WatchCreateRequest } from "../../../store/wire/messages.ts";
import { kvErrorOfStatus } from "../../../store/wire/status.ts";

/**
 * The responses with events of one stream with these watchers. Ends only by an error, or by the iteration being given up:
 * `kv.compacted` when history is gone, `kv.canceled` when the signal is aborted, `kv.stopped` when the store stops, else what
 * the watch was refused for.
 */
export async function* watched(
  kv: KvClient,
  requests: readonly Init<WatchCreateRequest>[],
  options: CallOptions,
): AsyncGenerator<WatchResponse, never, undefined> {
  const { caller, signal } = options;
  const waiting: WatchResponse[] = [];
  let ended: KvError | null = null;
  let wake = (): void => {};
  const end = (error: KvError): void => {
    ended ??= error;
    wake();
  };
  const sink = {
    deliver(response: WatchResponse): boolean {
      waiting.push(response);
      wake();
      return false;
    },
    closed: (error: KvError | null) => end(error ?? new KvError("kv.stopped")),
  };
  const stream = kv.openWatch(sink, caller ? { caller } : {});
  const aborted = (): void => end(new KvError("kv.canceled"));
  signal?.addEventListener("abort", aborted, { once: true });
  if (signal?.aborted) aborted();
  try {
    for (const request of requests) stream.create(request);
    for (;;) {
      if (ended) throw ended;
      const response = waiting.shift();
      if (response === undefined) {
        const more = new Promise<void>((resolve) => (wake = resolve));
        stream.resume();
        await more;
      } else if (response.canceled) {
        throw refusal(response);
      } else if (response.events.length > 0) {
        yield response;
      }
    }
  } finally {
    signal?.removeEventListener("abort", aborted);
    stream.close();
  }
}

/** Why a watcher was canceled, from the text of a whole gRPC error (etcd.md 5.4). */
function refusal({ compact_revision, cancel_reason }: WatchResponse): KvError {
  if (compact_revision > 0) return new KvError("kv.compacted");
  const [, described] = /desc = (.*)$/s.exec(cancel_reason) ?? [];
  return kvErrorOfStatus({ code: GrpcCode.UNKNOWN, message: described ?? cancel_reason });
}
