/**
 * The leader's view of time on leases (etcd.md 6). Only the leader measures; everyone else holds no deadlines, and a new
 * leader gives each lease its full TTL again, or what the last checkpoint left, so that none ends early. Pure: `now` is
 * always given, and a lease granted by apply, which knows no clock, starts running at the next call that brings one.
 *
 *   follower --promote--> running --deadline passes--> expired --expire entry applied--> (gone)
 *            <--demote---         <----renew-----
 *
 * An expired lease is never renewed, because its expiry may already be in the log.
 *
 * Checkpoints (etcd.md 6). From time to time the log is told what remains of a long lease, so that a new leader need not start
 * it over. From then on the log knows less than a renewal promises: the lease is *shortened*, and a renewal first has to put
 * the full TTL back into the log (agent/lease-checkpoints.ts). So a promise that a client heard is always in the log, and no
 * change of leader ends a lease early. A lease that is shorter than the step is never checkpointed.
 */
import { Instant, type LeaseId } from "../../base/ids.ts";
import type * as wire from "../wire/messages.ts";
import { DeadlineQueue } from "./deadline-queue.ts";
import { type Lease, type LeaseObserver, LeaseTable } from "./lease-table.ts";

/** What `timeToLive` answers about a live lease. */
export interface LeaseTime {
  /** Whole seconds left by the leader's clock; the granted TTL where no clock runs. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  /** Names of the attached keys, sorted; empty if they were not asked for. */
  readonly keys: readonly string[];
}

/** How long after a lease was reported as due it is reported again, if its expiry got lost on the way. Milliseconds. */
const dueAgainMs = 1000;
/** A lease is checkpointed whenever it ran so long since the log knew its time (etcd's interval). */
export const checkpointStepMs = 300_000;

interface Running {
  /** When the lease ends. */
  deadline: Instant;
  expired: boolean;
  /** The log knows, or may soon know, less than the full TTL. */
  shortened: boolean;
  /** Resets under way; no checkpoint may come between them and the renewals that wait for them. */
  resets: number;
}

/** The lease table and, on the leader, its clock. */
export class Leases implements LeaseObserver {
  readonly table: LeaseTable;
  readonly #running = new Map<LeaseId, Running>();
  /** When each lease ends; for an expired one, when to report it again. */
  readonly #ends = new DeadlineQueue();
  /** When the log is to be told of each long lease. */
  readonly #checkpoints = new DeadlineQueue();
  /** Leases that were granted and not yet seen with a clock. Null: not the leader. */
  #unseen: Map<LeaseId, Lease> | null = null;

  constructor() {
    this.table = new LeaseTable({ observer: this });
  }

  /** Whether deadlines are kept here. */
  get primary(): boolean {
    return this.#unseen !== null;
  }

  /** This member became the leader, and its leadership is confirmed. */
  promote(now: Instant): void {
    this.demote();
    this.#unseen = new Map();
    for (const lease of this.table.values()) this.#unseen.set(lease.id, lease);
    this.#see(now);
  }

  demote(): void {
    this.#unseen = null;
    this.#running.clear();
    this.#ends.clear();
    this.#checkpoints.clear();
  }

  /**
   * The granted TTL in seconds, or null if the lease is unknown or expired, or no clock runs here. `arrived` is when the
   * request came: what came in time is granted, even if confirming the leadership took longer than the lease had left.
   * The lease must not be shortened.
   */
  renew(id: LeaseId, now: Instant, arrived: Instant = now): number | null {
    this.#see(now);
    const lease = this.table.get(id);
    const running = this.#running.get(id);
    if (lease === undefined || running === undefined) return null;
    if (running.expired || running.deadline <= arrived) return null;
    const ttlMs = lease.ttlSeconds * 1000;
    running.deadline = Instant(now + ttlMs);
    this.#ends.set(id, running.deadline);
    if (ttlMs > checkpointStepMs) this.#checkpoints.set(id, Instant(now + checkpointStepMs));
    return lease.ttlSeconds;
  }

  /**
   * Leases whose time is over, to be proposed as one `lease-expire`: as many as have, with their keys, about `costMax` rows,
   * one at least. Reported again while they exist.
   */
  due(now: Instant, costMax: number): LeaseId[] {
    this.#see(now);
    const due: LeaseId[] = [];
    for (let cost = 0; cost < costMax; ) {
      const id = this.#ends.takeDue(now);
      if (id === null) break;
      this.#running.get(id)!.expired = true;
      this.#ends.set(id, Instant(now + dueAgainMs));
      due.push(id);
      cost += 1 + this.table.get(id)!.keys.size;
    }
    return due;
  }

  /** When `due` will have something next, or null. */
  nextDeadline(now: Instant): Instant | null {
    this.#see(now);
    return this.#ends.next();
  }

  /** What the log is to be told now, of at most `max` leases. They count as shortened from here on. */
  checkpoints(now: Instant, max: number): wire.LeaseCheckpoint[] {
    this.#see(now);
    const list: wire.LeaseCheckpoint[] = [];
    while (list.length < max) {
      const id = this.#checkpoints.takeDue(now);
      if (id === null) break;
      const running = this.#running.get(id)!;
      const remaining_ms = Math.ceil(running.deadline - now);
      if (running.expired || remaining_ms <= 0) continue;
      this.#checkpoints.set(id, Instant(now + checkpointStepMs));
      if (running.resets > 0) continue;
      running.shortened = true;
      list.push({ ID: id, remaining_ms });
    }
    return list;
  }

  /** When `checkpoints` will have something next, or null. */
  nextCheckpoint(now: Instant): Instant | null {
    this.#see(now);
    return this.#checkpoints.next();
  }

  /** Whether the full TTL has to go into the log before a renewal may be answered. */
  isShortened(id: LeaseId): boolean {
    return this.#running.get(id)?.shortened ?? false;
  }

  /** The full TTL of a lease is on its way into the log; `reset(id, ...)` has to follow. */
  resetting(id: LeaseId): void {
    const running = this.#running.get(id);
    if (running !== undefined) running.resets += 1;
  }

  /** The reset that was under way is in the log, or got lost. */
  reset(id: LeaseId, done: boolean): void {
    const running = this.#running.get(id);
    if (running === undefined || running.resets === 0) return;
    running.resets -= 1;
    if (done) running.shortened = false;
  }

  /** What is left of a lease, or null if there is none. An expired one has 0 until its expiry is applied. */
  timeToLive(id: LeaseId, now: Instant, withKeys: boolean): LeaseTime | null {
    this.#see(now);
    const lease = this.table.get(id);
    if (lease === undefined) return null;
    const running = this.#running.get(id);
    const leftMs = running === undefined ? lease.ttlSeconds * 1000 : running.deadline - now;
    return {
      ttlSeconds: Math.max(0, Math.floor(leftMs / 1000)),
      grantedTtlSeconds: lease.ttlSeconds,
      keys: withKeys ? [...lease.keys].sort() : [],
    };
  }

  /** All live leases, soonest to expire first; where no clock runs, by granted TTL. */
  list(): LeaseId[] {
    const ranked = Array.from(this.table.values(), ({ id, ttlSeconds }) => {
      return { id, rank: this.#running.get(id)?.deadline ?? ttlSeconds * 1000 };
    });
    return ranked.sort((left, right) => left.rank - right.rank).map(({ id }) => id);
  }

  granted(lease: Lease): void {
    this.#unseen?.set(lease.id, lease);
  }

  /**
   * Also of a former leader, whose checkpoint was still to be applied when this one began: a renewal must not rely on its
   * full TTL being in the log.
   */
  checkpointed(lease: Lease): void {
    const running = this.#running.get(lease.id);
    if (running !== undefined && lease.remainingMs > 0) running.shortened = true;
  }

  removed(id: LeaseId): void {
    this.#unseen?.delete(id);
    this.#running.delete(id);
    this.#ends.delete(id);
    this.#checkpoints.delete(id);
  }

  /** Starts the time of leases that were granted since the last call. */
  #see(now: Instant): void {
    if (this.#unseen === null || this.#unseen.size === 0) return;
    for (const lease of this.#unseen.values()) {
      const shortened = lease.remainingMs > 0;
      const leftMs = shortened ? lease.remainingMs : lease.ttlSeconds * 1000;
      const deadline = Instant(now + leftMs);
      this.#running.set(lease.id, { deadline, expired: false, shortened, resets: 0 });
      this.#ends.set(lease.id, deadline);
      if (leftMs > checkpointStepMs) this.#checkpoints.set(lease.id, Instant(now + checkpointStepMs));
    }
    this.#unseen.clear();
  }
}
