/** The core's own chance: a seeded generator whose state is part of the raft, so that a run can be repeated. */
import type { Raft } from "./raft.ts";

/** Uniform in [0, 2^32). A Weyl sequence, mixed by the finalizer of MurmurHash3 (public domain, A. Appleby). */
export function nextUint32(raft: Raft): number {
  raft.jitter = (raft.jitter + 0x9e3779b9) >>> 0;
  let mixed = raft.jitter;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Uniform in [0, 1). */
export function nextFraction(raft: Raft): number {
  return nextUint32(raft) / 2 ** 32;
}
