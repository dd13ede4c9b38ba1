/**
 * HashKV of this member, for clients and for the corruption checks: one computation at a time, since each reads every key,
 * and a bounded number waiting.
 */
import { KvError } from "../../store/errors.ts";

/** A hash of the key history up to a revision (etcd.md 4.7). */
export interface KvHash {
  readonly hash: number;
  readonly compactRevision: number;
  /** The revision that was hashed. */
  readonly hashRevision: number;
  /** The store's revision when it was done. */
  readonly revision: number;
}

/** Computes it, in slices; revision 0 is the current one. Throws `kv.compacted` or `kv.future-revision`. */
export type HashKv = (revision: number) => Promise<KvHash>;

const waitingMax = 16;

export class Hasher {
  readonly #hashKv: HashKv;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** `timed` measures each. */
  constructor(modules: { hashKv: HashKv; timed: (work: () => Promise<KvHash>) => Promise<KvHash> }) {
    this.#hashKv = (revision) => modules.timed(() => modules.hashKv(revision));
  }

  /** Throws also `kv.too-many-requests`. */
  async hash(revision: number): Promise<KvHash> {
    if (this.#waiting >= waitingMax) throw new KvError("kv.too-many-requests");
    this.#waiting++;
    const turn = this.#last.then(() => this.#hashKv(revision));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}
