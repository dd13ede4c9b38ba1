/**
 * What stands in the buckets of an etcd 3.5 database besides history (etcd.md 8.6), made from our rows. History, leases,
 * users and roles are in the order of our rows and are translated row by row; the rest is small and sorted here.
 */
import { compareBytes, utf8 } from "../../base/bytes.ts";
import type { Index, MemberId, Term } from "../../base/ids.ts";
import { AuthRow } from "../auth/auth-table.ts";
import { LeaseRecord } from "../lease/lease-table.ts";
import { CompactionRecord } from "../mvcc/compaction.ts";
import { Table } from "../tables.ts";
import { Member } from "../wire/messages.ts";
import { id64, int64, message } from "../wire/protobuf.ts";
import { revisionEntry } from "./revision-entry.ts";

export type EtcdEntry = readonly [key: Uint8Array, value: Uint8Array];
type Row = readonly [key: Uint8Array, value: Uint8Array];

/** What the rows do not say of themselves. */
export interface EtcdFileFacts {
  /** The log entry that the rows stand at, its term, and who counted then. */
  readonly index: Index;
  readonly term: Term;
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  /** As etcd stores it: `3.5.0`. */
  readonly clusterVersion: string;
}

/** How one of our tables becomes a bucket, row by row; the order stays. */
export interface EtcdBucket {
  readonly name: string;
  readonly table: number;
  readonly entry: (key: Uint8Array, row: Uint8Array) => EtcdEntry;
}

/** The buckets that may be large. */
export const rowBuckets: readonly EtcdBucket[] = [
  { name: "key", table: Table.revision, entry: revisionEntry },
  { name: "lease", table: Table.lease, entry: leaseEntry },
  { name: "authUsers", table: Table.authUser, entry: (key, row) => [key.subarray(1), row] },
  { name: "authRoles", table: Table.authRole, entry: (key, row) => [key.subarray(1), row] },
];

/** The tables that the other buckets are made from; all their rows together are few. */
export const smallTables: readonly number[] = [
  Table.meta,
  Table.member,
  Table.removedMember,
  Table.alarm,
  Table.auth,
];

/** The other buckets, from the rows of `smallTables`. */
export function smallBuckets(rows: readonly Row[], facts: EtcdFileFacts): Map<string, EtcdEntry[]> {
  const of = (table: number): Row[] => rows.filter(([key]) => key[0] === table);
  return new Map([
    ["alarm", ordered(of(Table.alarm).map(([, row]) => [row, nothing]))],
    ["auth", authEntries(of(Table.auth)[0]?.[1])],
    ["cluster", [[utf8.encode("clusterVersion"), utf8.encode(facts.clusterVersion)]]],
    ["members", ordered(of(Table.member).map(([, row]) => memberEntry(row)))],
    ["members_removed", ordered(of(Table.removedMember).map(([key]) => removedEntry(key)))],
    ["meta", metaEntries(of(Table.meta), facts)],
  ]);
}

const nothing: Uint8Array = new Uint8Array(0);

/** etcd's leasepb.Lease; the remaining TTL in whole seconds. */
const EtcdLease = message({ ID: id64(1), TTL: int64(2), RemainingTTL: int64(3) });

function leaseEntry(key: Uint8Array, row: Uint8Array): EtcdEntry {
  const { ID, TTL, remaining_ms } = LeaseRecord.decode(row);
  const RemainingTTL = Math.ceil(remaining_ms / 1000);
  return [key.subarray(1), EtcdLease.encode({ ID, TTL, RemainingTTL })];
}

/** etcd counts from 1 and writes that down at once; ours has no row before the first change. */
function authEntries(row: Uint8Array | undefined): EtcdEntry[] {
  if (row === undefined) return [[utf8.encode("authRevision"), counter(1)]];
  const { enabled, revision } = AuthRow.decode(row);
  return [
    [utf8.encode("authEnabled"), Buffer.from([enabled ? 1 : 0])],
    [utf8.encode("authRevision"), counter(revision)],
  ];
}

/** The key is the id in hex, the value JSON with the id as a number that a double cannot hold. */
function memberEntry(row: Uint8Array): EtcdEntry {
  const { ID, name, peerURLs, clientURLs, isLearner } = Member.decode(row);
  const rest = JSON.stringify({
    peerURLs,
    ...(isLearner ? { isLearner } : {}),
    ...(name === "" ? {} : { name }),
    ...(clientURLs.length === 0 ? {} : { clientURLs }),
  });
  return [utf8.encode(ID.toString(16)), utf8.encode(`{"id":${ID},${rest.slice(1)}`)];
}

function removedEntry(key: Uint8Array): EtcdEntry {
  const id = Buffer.from(key).readBigUInt64BE(1);
  return [utf8.encode(id.toString(16)), utf8.encode("removed")];
}

function metaEntries(rows: readonly Row[], facts: EtcdFileFacts): EtcdEntry[] {
  const entries: EtcdEntry[] = [
    [utf8.encode("confState"), utf8.encode(confState(facts))],
    [utf8.encode("consistent_index"), counter(facts.index)],
    [utf8.encode("term"), counter(facts.term)],
  ];
  const compaction = rows.find(([key]) => utf8.decode(key.subarray(1)) === "compaction");
  if (compaction) {
    const { scheduled, finished } = CompactionRecord.decode(compaction[1]);
    if (scheduled > 0) entries.push([utf8.encode("scheduledCompactRev"), revision(scheduled)]);
    if (finished > 0) entries.push([utf8.encode("finishedCompactRev"), revision(finished)]);
  }
  return ordered(entries);
}

/** etcd's JSON of raftpb.ConfState; ids are numbers that a double cannot hold. */
function confState({ voters, learners }: EtcdFileFacts): string {
  const learning = learners.length === 0 ? "" : `"learners":[${learners.join()}],`;
  return `{"voters":[${voters.join()}],${learning}"auto_leave":false}`;
}

function counter(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Main revision, separator, sub revision 0. */
function revision(main: number): Buffer {
  return Buffer.concat([counter(main), Buffer.from("_"), counter(0)]);
}

function ordered(entries: EtcdEntry[]): EtcdEntry[] {
  return entries.sort(([left], [right]) => compareBytes(left, right));
}
