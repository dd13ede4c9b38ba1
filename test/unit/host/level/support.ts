/** Builders for the tests of the rows on disk. */
import { Index, MemberId, Term } from "../../../../src/base/ids.ts";
import { silent } from "../../../../src/base/ports.ts";
import { LevelStorage } from "../../../../src/host/level/level-storage.ts";
import type { SnapshotMeta } from "../../../../src/raft/entry.ts";
import type { RowRun, StoreWrite } from "../../../../src/store/storage.ts";

export function openLevel(path: string, pendingBytesMax?: number): Promise<LevelStorage> {
  return LevelStorage.open(pendingBytesMax === undefined ? { path } : { path, pendingBytesMax }, {
    logger: silent,
  });
}

export const key = (name: string): Buffer => Buffer.from(`\x10${name}`, "latin1");
export const put = (name: string, value: string): StoreWrite => ({
  type: "put",
  key: key(name),
  value: Buffer.from(value),
});
export const del = (name: string): StoreWrite => ({ type: "del", key: key(name) });

/** A run of the rows `name` 0, 1 ... with these values. */
export function run(name: string, values: readonly string[]): RowRun {
  return {
    type: "run",
    prefix: key(name),
    length: values.length,
    bytes: values.length,
    value: (at) => Buffer.from(values[at]!),
  };
}

/** The name of a row of a run. */
export const rowOf = (name: string, at: number): string => `${name}\0\0\0${String.fromCharCode(at)}`;

export function read(storage: LevelStorage, name: string): string | undefined {
  const value = storage.get(key(name));
  return value && Buffer.from(value).toString();
}

/** All rows as `name=value`. */
export async function dump(storage: LevelStorage): Promise<string[]> {
  const rows: string[] = [];
  for await (const slice of storage.rows()) {
    for (const [name, value] of slice) rows.push(`${Buffer.from(name).subarray(1)}=${Buffer.from(value)}`);
  }
  return rows;
}

export function meta(index: number): SnapshotMeta {
  return {
    index: Index(index),
    term: Term(2),
    configuration: { voters: [MemberId(1n), MemberId(2n)], votersOutgoing: [], learners: [MemberId(3n)] },
  };
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** `bytes` in pieces of `size`. */
export async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
