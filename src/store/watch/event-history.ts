/**
 * The events of the latest revisions that were read, kept for those who read them next: the streams that are a little late
 * get the objects, and the encodings, that the others got. What is not here is made from the keyspace, which has the recent
 * past in memory and the rest in its records.
 */
import type { Keyspace } from "../mvcc/keyspace.ts";
import { RevisionEvents } from "./revision-events.ts";

/** Kept at most. Bytes are those of keys and values; encodings, with previous pairs, may be three times that. */
const revisionsMax = 256;
const bytesMax = 4 * 1024 * 1024;

export class EventHistory {
  readonly #keyspace: Keyspace;
  readonly #kept = new Map<number, { readonly revision: RevisionEvents; readonly bytes: number }>();
  #bytes = 0;

  constructor(modules: { keyspace: Keyspace }) {
    this.#keyspace = modules.keyspace;
  }

  of(main: number): RevisionEvents {
    const kept = this.#kept.get(main);
    if (kept !== undefined) return kept.revision;
    const revision = new RevisionEvents(main, { keyspace: this.#keyspace });
    let bytes = 0;
    for (const { kv } of revision.changes) bytes += kv.key.length + kv.value.length;
    if (bytes < bytesMax) this.#keep(revision, bytes);
    return revision;
  }

  /** The keyspace was replaced. */
  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  #keep(revision: RevisionEvents, bytes: number): void {
    this.#kept.set(revision.main, { revision, bytes });
    this.#bytes += bytes;
    for (const [main, oldest] of this.#kept) {
      if (this.#kept.size <= revisionsMax && this.#bytes <= bytesMax) return;
      this.#kept.delete(main);
      this.#bytes -= oldest.bytes;
    }
  }
}
