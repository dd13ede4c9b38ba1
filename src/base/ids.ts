/**
 * Branded ids and units: plain numbers and bigints at run time, distinct types to the compiler, so that a swapped
 * argument does not compile. 64-bit ids that use all their bits are bigint; counters that start near zero are number
 * (2^53 increments at a million a second last 285 years).
 */

declare const brand: unique symbol;
/** `Base` marked as `Name`; make one with the function of the same name. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Raft term (Raft paper 5.1). Starts at 0. */
export type Term = Brand<number, "Term">;
export const Term = (value: number): Term => value as Term;

/** Raft log index (Raft paper 5.3). The first entry has index 1; 0 is "before the log". */
export type Index = Brand<number, "Index">;
export const Index = (value: number): Index => value as Index;

/** Member of the raft cluster: etcd's uint64 member id. 0n is never a member. */
export type MemberId = Brand<bigint, "MemberId">;
export const MemberId = (value: bigint): MemberId => value as MemberId;

/** Cluster id: etcd's uint64. */
export type ClusterId = Brand<bigint, "ClusterId">;
export const ClusterId = (value: bigint): ClusterId => value as ClusterId;

/** Main revision of the store (etcd.md 4.1). An empty store is at 1. */
export type Revision = Brand<number, "Revision">;
export const Revision = (value: number): Revision => value as Revision;

/** Lease id of the store (etcd.md 6): int64, positive. 0n means "no lease". */
export type LeaseId = Brand<bigint, "LeaseId">;
export const LeaseId = (value: bigint): LeaseId => value as LeaseId;

/** A point on the monotonic clock, in milliseconds (fractions allowed). Comparable only within one process. */
export type Instant = Brand<number, "Instant">;
export const Instant = (value: number): Instant => value as Instant;

/** Lower-case hexadecimal without leading zeros, as etcd prints member, cluster and lease ids. */
export function hex(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}
