/**
 * One number for the whole replicated state, equal on all members that applied the same entries, however far each has come
 * with reclaiming space. For tests and simulation; etcd's HashKV (etcd.md 4.7) is a call of its own.
 */
import { encodeChange } from "./mvcc/record.ts";
import type { Store } from "./store.ts";
import type { Position } from "./tables.ts";
import { Member } from "./wire/messages.ts";

/** FNV-1a, 32 bit, continued from `hash`. */
function fnv(hash: number, bytes: Uint8Array): number {
  let value = hash;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/** Hash of keys and their readable history, leases with attachments, members, users and roles. */
export function hashStore(store: Store): number {
  const { keyspace, leases, members, auth } = store;
  let hash = fnv(0x811c9dc5, Buffer.from(`${keyspace.revision} ${keyspace.compactRevision}`));
  const kept: Position[] = [];
  keyspace.index.forEachKept(keyspace.compactRevision, (_name, main, sub) => kept.push({ main, sub }));
  kept.sort((left, right) => left.main - right.main || left.sub - right.sub);
  for (const { main, sub } of kept) {
    hash = fnv(hash, Buffer.from(`${main}.${sub}`));
    hash = fnv(hash, encodeChange(keyspace.read(main, sub), false));
  }
  for (const lease of [...leases.table.values()].sort((left, right) => (left.id < right.id ? -1 : 1))) {
    const keys = [...lease.keys].sort().join("\n");
    hash = fnv(hash, Buffer.from(`${lease.id} ${lease.ttlSeconds} ${lease.remainingMs} ${keys}`, "latin1"));
  }
  for (const member of members.list()) hash = fnv(hash, Member.encode(member));
  for (const bytes of auth.table.encoded()) hash = fnv(hash, bytes);
  return hash;
}
