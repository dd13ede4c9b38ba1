/**
 * Compaction (etcd.md 4.6). The answer is immediate: from the apply on, older revisions are refused. The space comes back in
 * slices, between other work. What is planned and what is done are rows, so that a compaction which a crash interrupted is
 * taken up again; doing a part twice is harmless.
 */
import { equalBytes, toLatin1 } from "../../base/bytes.ts";
import { RowError } from "../errors.ts";
import type { StoreWrite } from "../storage.ts";
import { metaKey, revisionKey } from "../tables.ts";
import { int64, message } from "../wire/protobuf.ts";
import type { Keyspace } from "./keyspace.ts";

/** Row `compaction` of the meta table: reads below `scheduled` are refused; space below `finished` is reclaimed. */
export const CompactionRecord = message({ scheduled: int64(1), finished: int64(2) });

const compactionKey: Uint8Array = metaKey("compaction");

/** One walk over all keys. */
interface Pass {
  readonly revision: number;
  /** Last key seen; null at the start and, with `walked`, at the end. */
  cursor: string | null;
  walked: boolean;
}

export class Compaction {
  readonly #keyspace: Keyspace;
  /** Space below this revision is reclaimed. */
  finished = 0;
  /** The pass over all keys that is under way. */
  #pass: Pass | null = null;
  /** Changes that the pass has taken out of the index and whose rows still exist: main, sub, main, sub ... */
  #dropped: number[] = [];
  #droppedHead = 0;

  constructor(modules: { keyspace: Keyspace }) {
    this.#keyspace = modules.keyspace;
  }

  /** Whether `slice` has something to do. A pass does not begin while somebody reads below its revision. */
  get pending(): boolean {
    const { compactRevision, pins } = this.#keyspace;
    if (this.finished >= compactRevision) return false;
    return this.#pass !== null || pins.lowest >= compactRevision;
  }

  /** Refuses reads below `revision` from now on. */
  schedule(revision: number, writes: StoreWrite[]): void {
    this.#keyspace.compactRevision = revision;
    writes.push(this.#row());
  }

  /** Takes one row of the meta table. Throws RowError if it is not the compaction's. */
  load(key: Uint8Array, row: Uint8Array): void {
    if (!equalBytes(key, compactionKey)) throw new RowError(toLatin1(key.subarray(1)), "unknown meta row");
    const { scheduled, finished } = CompactionRecord.decode(row);
    this.#keyspace.compactRevision = scheduled;
    this.finished = finished;
  }

  reset(): void {
    this.finished = 0;
    this.#pass = null;
    this.#dropped = [];
    this.#droppedHead = 0;
  }

  /**
   * Goes on with the work: looks at up to `budget` keys and deletes up to `budget` rows. A newer target waits until the pass
   * under way is through.
   */
  slice(budget: number, writes: StoreWrite[]): void {
    if (!this.pending) return;
    this.#pass ??= { revision: this.#keyspace.compactRevision, cursor: null, walked: false };
    const pass = this.#pass;
    if (this.#droppedHead === this.#dropped.length && !pass.walked) this.#walk(pass, budget);
    this.#delete(budget, writes);
    if (!pass.walked || this.#droppedHead < this.#dropped.length) return;
    this.finished = pass.revision;
    this.#pass = null;
    writes.push(this.#row());
  }

  #walk(pass: Pass, keysMax: number): void {
    this.#dropped = [];
    this.#droppedHead = 0;
    pass.cursor = this.#keyspace.index.compact(pass.revision, pass.cursor, keysMax, (main, sub) => {
      this.#dropped.push(main, sub);
    });
    pass.walked = pass.cursor === null;
  }

  #delete(rowsMax: number, writes: StoreWrite[]): void {
    const end = Math.min(this.#dropped.length, this.#droppedHead + rowsMax * 2);
    for (; this.#droppedHead < end; this.#droppedHead += 2) {
      const key = revisionKey(this.#dropped[this.#droppedHead]!, this.#dropped[this.#droppedHead + 1]!);
      writes.push({ type: "del", key });
    }
  }

  #row(): StoreWrite {
    const value = CompactionRecord.encode({
      scheduled: this.#keyspace.compactRevision,
      finished: this.finished,
    });
    return { type: "put", key: compactionKey, value };
  }
}
