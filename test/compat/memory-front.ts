/** Our client port over the store in memory: real gRPC, HTTP and state machine; no raft, no disk. */
import { MemoryKv } from "../support/memory-kv.ts";
import type { Target } from "./etcd.ts";
import { startFront } from "./front.ts";

export async function startMemoryFront(
  options: { port?: number; kv?: MemoryKv } = {},
): Promise<Target & { readonly kv: MemoryKv }> {
  const kv = options.kv ?? new MemoryKv();
  const front = await startFront(kv, options);
  return { ...front, kv };
}
