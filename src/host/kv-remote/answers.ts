/** An rpc of one request and many answers, as something to iterate over: read only as fast as it is pulled. */
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { CallEnd } from "./grpc-call.ts";
import type { GrpcConnection } from "./grpc-connection.ts";
import type { CallMetadata } from "./metadata.ts";

const canceled: CallEnd = { status: { code: GrpcCode.CANCELED, message: "canceled" }, fate: "lost" };

/** Gives the messages, returns how the call ended; never throws. Giving the iteration up cancels the call. */
export async function* answers(
  connection: GrpcConnection,
  request: { path: string; message: Uint8Array; metadata: CallMetadata },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, CallEnd, undefined> {
  const waiting: Uint8Array[] = [];
  let ended: CallEnd | null = null;
  let wake = (): void => {};
  const end = (how: CallEnd): void => {
    ended ??= how;
    wake();
  };
  const call = connection.call(request.path, request.metadata, {
    message(bytes) {
      waiting.push(bytes);
      call?.pause();
      wake();
    },
    ended: end,
  });
  const aborted = (): void => end(canceled);
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  call?.writeLast(request.message);
  try {
    for (;;) {
      const message = signal.aborted ? undefined : waiting.shift();
      if (message !== undefined) yield message;
      else if (ended) return ended;
      else {
        const more = new Promise<void>((resolve) => (wake = resolve));
        call?.resume();
        await more;
      }
    }
  } finally {
    signal.removeEventListener("abort", aborted);
    if (!ended || signal.aborted) call?.cancel();
  }
}
