/** HashKV (etcd.md 4.7): the rows of storage, read in slices by level's threads, through the store's hasher. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Store } from "../../store/store.ts";
import type { HashKv } from "./hasher.ts";

/** What it needs of level. */
export interface HashedRows {
  rows(): AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]>;
}

export function hashKvOf(store: Store, storage: () => HashedRows): HashKv {
  return async (revision) => {
    const hasher = store.hashKv(revision);
    try {
      for await (const rows of storage().rows()) {
        hasher.add(rows);
        // The next rows may be there already, and then nobody else would have a turn.
        await nextTurn();
      }
      return { ...hasher.digest(), revision: store.revision };
    } finally {
      hasher.close();
    }
  };
}
