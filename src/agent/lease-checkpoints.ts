/**
 * What keeps the remaining time of long leases in the log (etcd.md 6; store/lease/lease-clock.ts): the leader writes checkpoints
 * as they become due, and puts the full TTL back before it answers the renewal of a lease that was checkpointed. Both entries
 * count only in the term of the leader that wrote them (state-machine.ts).
 */
import { messageOf } from "../base/errors.ts";
import { Instant, type LeaseId } from "../base/ids.ts";
import type { Clock, Logger, Timer } from "../base/ports.ts";
import type { LeaseCheckpoint } from "../store/wire/messages.ts";

/** Checkpoints that become due within this time go together. */
const gatherMs = 1000;
/** Leases in one entry. */
const leasesPerEntryMax = 1000;

/** What this needs of the leader's lease clock. */
export interface CheckpointedLeases {
  checkpoints(now: Instant, max: number): LeaseCheckpoint[];
  nextCheckpoint(now: Instant): Instant | null;
  isShortened(id: LeaseId): boolean;
  resetting(id: LeaseId): void;
  reset(id: LeaseId, done: boolean): void;
}

export interface CheckpointModules {
  readonly leases: CheckpointedLeases;
  /** Resolves once the entry is applied here, in this member's own term. */
  readonly propose: (checkpoints: readonly LeaseCheckpoint[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class LeaseCheckpoints {
  readonly #modules: CheckpointModules;
  #leading = false;
  #timer: Timer | undefined;
  /** The checkpoints under way. They never reject. */
  #writing: Promise<void> | null = null;

  constructor(modules: CheckpointModules) {
    this.#modules = modules;
  }

  /** This member became the leader, confirmed, or stopped being it. */
  lead(leading: boolean): void {
    this.#leading = leading;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.leasesChanged();
  }

  /** A lease was granted or renewed. */
  leasesChanged(): void {
    if (!this.#leading || this.#timer || this.#writing) return;
    const { leases, clock } = this.#modules;
    const now = clock.now();
    const next = leases.nextCheckpoint(now);
    if (next === null) return;
    this.#timer = clock.at(Instant(Math.max(next, now + gatherMs)), () => {
      this.#timer = undefined;
      this.#write();
    });
  }

  /**
   * Resolves when none of these leases is shortened: they may be renewed at once, before anything else has a turn. Rejects
   * with KvError if the log cannot be told.
   */
  async beforeRenewal(ids: readonly LeaseId[]): Promise<void> {
    const { leases } = this.#modules;
    for (;;) {
      const shortened = ids.filter((id) => leases.isShortened(id));
      if (shortened.length === 0) return;
      await this.#reset(shortened);
    }
  }

  close(): void {
    this.lead(false);
  }

  async #reset(ids: readonly LeaseId[]): Promise<void> {
    const { leases, propose } = this.#modules;
    for (const id of ids) leases.resetting(id);
    let done = false;
    try {
      // A checkpoint that was not appended yet must not come behind the reset.
      await this.#writing;
      await propose(ids.map((ID) => ({ ID, remaining_ms: 0 })));
      done = true;
    } finally {
      for (const id of ids) leases.reset(id, done);
    }
  }

  #write(): void {
    const { leases, propose, clock, logger } = this.#modules;
    const checkpoints = leases.checkpoints(clock.now(), leasesPerEntryMax);
    if (checkpoints.length === 0) {
      this.leasesChanged();
      return;
    }
    const failed = (error: unknown): void => {
      // Nothing is lost: a new leader would only give these leases more time.
      logger.warn(
        { error: messageOf(error), count: checkpoints.length },
        "lease checkpoints were not written",
      );
    };
    this.#writing = propose(checkpoints)
      .then(() => {}, failed)
      .then(() => {
        this.#writing = null;
        this.leasesChanged();
      });
  }
}
