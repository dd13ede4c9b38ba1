/**
 * A KvClient whose store is in the parent process: lets agents in several network namespaces share one MemoryKv. Calls
 * and watch events cross Node's IPC channel (structured clone, so bigint and bytes survive).
 */
import type { ChildProcess } from "node:child_process";
import {
  type KvClient,
  KvError,
  type KvErrorCode,
  type WatchSink,
  type WatchStream,
} from "../../../../src/store/kv.ts";

interface Frame {
  readonly kv: "call" | "result" | "error" | "watch" | "create" | "deliver" | "ended" | "close";
  readonly id: number;
  readonly method?: string;
  readonly value?: unknown;
}

/** In the child: the client. */
export function ipcKv(): KvClient {
  let next = 0;
  const calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const sinks = new Map<number, WatchSink>();
  const send = (frame: Frame): void => {
    process.send?.(frame);
  };
  process.on("message", (frame: Frame) => {
    const { id, value } = frame;
    if (frame.kv === "result") calls.get(id)?.resolve(value);
    if (frame.kv === "error") calls.get(id)?.reject(new KvError(value as KvErrorCode));
    if (frame.kv === "result" || frame.kv === "error") calls.delete(id);
    if (frame.kv === "deliver") sinks.get(id)?.deliver(value as never);
    if (frame.kv === "ended") sinks.get(id)?.closed(new KvError("kv.unavailable"));
  });
  const openWatch = (sink: WatchSink): WatchStream => {
    const id = next++;
    sinks.set(id, sink);
    send({ kv: "watch", id });
    return {
      create: (value) => send({ kv: "create", id, value }),
      cancel() {},
      requestProgress() {},
      resume() {},
      close() {
        sinks.delete(id);
        send({ kv: "close", id });
      },
    };
  };
  const call = (method: string, value: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = next++;
      calls.set(id, { resolve, reject });
      send({ kv: "call", id, method, value });
    });
  return new Proxy({} as KvClient, {
    get: (_, method: string) =>
      method === "openWatch" ? openWatch : (request: unknown) => call(method, request),
  });
}

/** In the parent: serves one child from `kv`. */
export function serveKv(child: ChildProcess, kv: KvClient): void {
  const streams = new Map<number, WatchStream>();
  const send = (frame: Frame): void => {
    if (child.connected) child.send(frame);
  };
  child.on("message", (frame: Frame) => {
    const { id, value } = frame;
    if (frame.kv === "call") {
      const method = frame.method as "range";
      kv[method](value as never).then(
        (answer) => send({ kv: "result", id, value: answer }),
        (error: KvError) => send({ kv: "error", id, value: error.code }),
      );
    }
    if (frame.kv === "watch") {
      const deliver = (response: unknown): boolean => {
        send({ kv: "deliver", id, value: response });
        return true;
      };
      streams.set(id, kv.openWatch({ deliver, closed: () => send({ kv: "ended", id }) }));
    }
    if (frame.kv === "create") streams.get(id)?.create(value as never);
    if (frame.kv === "close") streams.get(id)?.close();
  });
  child.on("exit", () => {
    for (const stream of streams.values()) stream.close();
  });
}
