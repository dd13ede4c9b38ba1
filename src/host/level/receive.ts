/** Writes a snapshot stream into a new database, durably. */
import type { SnapshotMeta } from "../../raft/entry.ts";
import { syncDirectory } from "../wal/disk.ts";
import { encodeMetaRow, metaKey } from "./meta-row.ts";
import { openDatabase } from "./open-database.ts";
import { damaged, decodeStream } from "./stream-format.ts";

/** Rows of a received snapshot written, and synced, at a time. */
const receiveBatchBytes = 1024 * 1024;

/** See `LevelStorage.receive`. */
export async function receiveSnapshot(
  options: { readonly path: string; readonly meta: SnapshotMeta },
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const { path, meta } = options;
  const database = await openDatabase(path);
  const sum = { rows: 0, bytes: 0 };
  let puts: Array<{ type: "put"; key: Uint8Array; value: Uint8Array }> = [];
  let batchBytes = 0;
  try {
    for await (const part of decodeStream(chunks)) {
      if (part.type === "head") {
        if (part.appliedIndex !== meta.index)
          throw damaged(`it stands at ${part.appliedIndex}, not at ${meta.index}`);
        continue;
      }
      for (const [key, value] of part.rows) {
        puts.push({ type: "put", key, value });
        batchBytes += key.length + value.length;
      }
      sum.rows += part.rows.length;
      if (batchBytes < receiveBatchBytes) continue;
      sum.bytes += batchBytes;
      await database.batch(puts, { sync: true });
      puts = [];
      batchBytes = 0;
    }
    sum.bytes += batchBytes;
    await database.batch(puts, { sync: true });
    await database.put(metaKey, encodeMetaRow(meta.index, meta), { sync: true });
    await syncDirectory(path);
  } finally {
    await database.close();
  }
  return sum;
}
