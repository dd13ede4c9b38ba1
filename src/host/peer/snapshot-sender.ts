/** Sends one snapshot on a connection of its own, as fast as the receiver takes it. */
import type { ClusterId, MemberId } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import type { SnapshotMeta } from "../../raft/entry.ts";
import { writeSnapshotMeta } from "../codec/raft-values.ts";
import type { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import { PeerCodecError, PeerError } from "./errors.ts";
import { decodeBody, encodeFrame, type Frame, frameTypes } from "./frame.ts";

export interface SnapshotSendOptions {
  readonly clusterId: ClusterId;
  readonly self: MemberId;
  readonly peer: MemberId;
  readonly url: string;
  readonly meta: SnapshotMeta;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/**
 * Resolves when the receiver says that it has installed the snapshot. Throws PeerError, or what `chunks` throws; whatever
 * happens `chunks` is returned, so that its resources are freed.
 */
export async function sendSnapshot(
  options: SnapshotSendOptions,
  modules: { readonly clock: Clock; readonly chunks: AsyncIterable<Uint8Array> },
): Promise<void> {
  const { clusterId, self, peer, meta } = options;
  const welcomed = Promise.withResolvers<Connection>();
  const done = Promise.withResolvers<void>();
  const fail = (error: Error): void => {
    welcomed.reject(error);
    done.reject(error);
  };
  done.promise.catch(() => {});
  welcomed.promise.catch(() => {});
  const dialed = dial(
    { url: options.url, hello: { clusterId, from: self, to: peer, kind: "snapshot" } },
    {
      clock: modules.clock,
      handlers: {
        welcomed: welcomed.resolve,
        frame: (frame) =>
          answered(frame, peer, done.resolve, (error) => {
            fail(error);
            // Wakes the pump, which would go on sending to somebody who throws it away.
            dialed.close(error.message);
          }),
        closed: (reason) => fail(new PeerError(reason, { code: "peer.disconnected", peer })),
      },
    },
  );
  const abort = (): void => dialed.close("the member stops");
  options.signal.addEventListener("abort", abort, { once: true });
  const chunks = modules.chunks[Symbol.asyncIterator]();
  try {
    const connection = await welcomed.promise;
    connection.write(encodeFrame(frameTypes.snapshot, 128, (body) => writeSnapshotMeta(body, meta)));
    await pump(connection, chunks);
    await done.promise;
  } finally {
    options.signal.removeEventListener("abort", abort);
    dialed.close("the snapshot is sent");
    await chunks.return?.();
  }
}

/** Ends early, without a word, when the connection closes: the reason comes by the other way. */
async function pump(connection: Connection, chunks: AsyncIterator<Uint8Array>): Promise<void> {
  for (let step = await chunks.next(); !step.done; step = await chunks.next()) {
    const { value } = step;
    if (connection.isClosed) return;
    connection.write(encodeFrame(frameTypes.chunk, value.length, (body) => body.raw(value)));
    await connection.drained();
  }
  connection.write(encodeFrame(frameTypes.end));
}

function answered(frame: Frame, peer: MemberId, resolve: () => void, reject: (error: Error) => void): void {
  if (frame.type === frameTypes.done) {
    resolve();
    return;
  }
  if (frame.type !== frameTypes.failure)
    throw new PeerCodecError(`frame ${frame.type} in answer to a snapshot`);
  const failure = decodeBody(frame.body, (reader) => ({ code: reader.text(), text: reader.text() }));
  reject(new PeerError(failure.text, { code: "peer.call-failed", peer, remote: failure.code }));
}
