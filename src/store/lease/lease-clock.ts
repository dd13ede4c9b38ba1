/**
 * The leader's view of time on leases (etcd.md 6). Only the leader measures; everyone else holds no deadlines, and a new
 * leader gives each lease its full TTL again, or what the last checkpoint left, so that none ends early. Pure: `now` is
 * always given, and a lease granted by apply, which knows no clock, starts running at the next call that brings one.
 *
 *   follower --promote--> running --deadline passes--> expired --expire entry applied--> (gone)
 *            <--demote---         <----renew-----
 *
 * An expired lease is never renewed, because its expiry may already be in the log.
 */
import { Instant, type LeaseId } from "../../base/ids.ts";
import type * as wire from "../wire/messages.ts";
import { type Deadline, DeadlineHeap } from "./deadline-heap.ts";
import { type Lease, type LeaseObserver, LeaseTable } from "./lease-table.ts";

/** What `timeToLive` answers about a live lease. */
export interface LeaseTime {
  /** Whole seconds left by the leader's clock; the granted TTL where no clock runs. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  /** Names of the attached keys, sorted. */
  readonly keys: readonly string[];
}

/** How long after a lease was reported as due it is reported again, if its expiry got lost on the way. Milliseconds. */
const dueAgainMs = 1000;

interface Running {
  /** When the lease ends. */
  deadline: Instant;
  /** The valid entry of the heap: the deadline, or when to report an expired lease again. */
  queued: Instant;
  expired: boolean;
  /** Remaining time at the last checkpoint taken here, or null if the log knows no more than the TTL. */
  checkpointedMs: number | null;
}

/** The lease table and, on the leader, its clock. */
export class Leases implements LeaseObserver {
  readonly table: LeaseTable;
  readonly #heap = new DeadlineHeap();
  readonly #running = new Map<LeaseId, Running>();
  /** Leases that were granted and not yet seen with a clock. Null: not the leader. */
  #unseen: Lease[] | null = null;

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
    this.#unseen = [...this.table.values()];
    this.#see(now);
  }

  demote(): void {
    this.#unseen = null;
    this.#running.clear();
    this.#heap.clear();
  }

  /** The granted TTL in seconds, or null if the lease is unknown or expired, or no clock runs here. */
  renew(id: LeaseId, now: Instant): number | null {
    this.#see(now);
    const lease = this.table.get(id);
    const running = this.#running.get(id);
    if (lease === undefined || running === undefined) return null;
    if (running.expired || running.deadline <= now) return null;
    running.deadline = Instant(now + lease.ttlSeconds * 1000);
    this.#queue(id, running, running.deadline);
    return lease.ttlSeconds;
  }

  /** Up to `max` leases whose time is over, to be proposed as one `lease-expire`. Reported again while they exist. */
  due(now: Instant, max: number): LeaseId[] {
    this.#see(now);
    const due: LeaseId[] = [];
    for (let top = this.#top(); top !== undefined && top.at <= now && due.length < max; top = this.#top()) {
      const running = this.#running.get(top.id)!;
      running.expired = true;
      this.#queue(top.id, running, Instant(now + dueAgainMs));
      due.push(top.id);
    }
    return due;
  }

  /** When `due` will have something next, or null. */
  nextDeadline(now: Instant): Instant | null {
    this.#see(now);
    return this.#top()?.at ?? null;
  }

  /** Checkpoints for leases that were renewed, or ran `stepMs`, since what the log knows of them. At most `max`. */
  checkpoints(now: Instant, stepMs: number, max: number): wire.LeaseCheckpoint[] {
    this.#see(now);
    const list: wire.LeaseCheckpoint[] = [];
    for (const [id, running] of this.#running) {
      if (list.length >= max) break;
      const fullMs = this.table.get(id)!.ttlSeconds * 1000;
      const remainingMs = Math.ceil(running.deadline - now);
      if (running.expired || remainingMs <= 0) continue;
      // A log that knows less than remains, since the lease was renewed, would end it early: told at once.
      const aheadMs = (running.checkpointedMs ?? fullMs) - remainingMs;
      if (aheadMs >= 0 && aheadMs < stepMs) continue;
      running.checkpointedMs = remainingMs;
      list.push({ ID: id, remaining_ms: remainingMs });
    }
    return list;
  }

  /** What is left of a lease, or null if there is none. An expired one has 0 until its expiry is applied. */
  timeToLive(id: LeaseId, now: Instant): LeaseTime | null {
    this.#see(now);
    const lease = this.table.get(id);
    if (lease === undefined) return null;
    const running = this.#running.get(id);
    const leftMs = running === undefined ? lease.ttlSeconds * 1000 : running.deadline - now;
    return {
      ttlSeconds: Math.max(0, Math.floor(leftMs / 1000)),
      grantedTtlSeconds: lease.ttlSeconds,
      keys: [...lease.keys].sort(),
    };
  }

  /** All live leases, soonest to expire first; where no clock runs, by granted TTL. */
  list(): LeaseId[] {
    const leases = [...this.table.values()];
    const rank = (lease: Lease): number => this.#running.get(lease.id)?.deadline ?? lease.ttlSeconds * 1000;
    return leases.sort((left, right) => rank(left) - rank(right)).map((lease) => lease.id);
  }

  granted(lease: Lease): void {
    this.#unseen?.push(lease);
  }

  removed(id: LeaseId): void {
    this.#running.delete(id);
    if (this.#unseen !== null && this.#unseen.length > 0) {
      this.#unseen = this.#unseen.filter((lease) => lease.id !== id);
    }
  }

  /** Starts the time of leases that were granted since the last call. */
  #see(now: Instant): void {
    if (this.#unseen === null || this.#unseen.length === 0) return;
    for (const lease of this.#unseen) {
      const leftMs = lease.remainingMs > 0 ? lease.remainingMs : lease.ttlSeconds * 1000;
      const deadline = Instant(now + leftMs);
      const checkpointedMs = lease.remainingMs > 0 ? lease.remainingMs : null;
      const running = { deadline, queued: deadline, expired: false, checkpointedMs };
      this.#running.set(lease.id, running);
      this.#heap.push({ at: deadline, id: lease.id });
    }
    this.#unseen = [];
  }

  #queue(id: LeaseId, running: Running, at: Instant): void {
    running.queued = at;
    this.#heap.push({ at, id });
    if (this.#heap.size > 64 && this.#heap.size > this.#running.size * 4) {
      this.#heap.compact((deadline) => this.#isCurrent(deadline));
    }
  }

  #isCurrent(deadline: Deadline): boolean {
    return this.#running.get(deadline.id)?.queued === deadline.at;
  }

  /** The earliest valid entry; stale ones before it are dropped. */
  #top(): Deadline | undefined {
    let top = this.#heap.peek();
    while (top !== undefined && !this.#isCurrent(top)) {
      this.#heap.pop();
      top = this.#heap.peek();
    }
    return top;
  }
}
