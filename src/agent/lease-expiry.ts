/**
 * Expiry of store leases on the leader (etcd.md 6). The store's lease table keeps the deadlines; here the leader's clock
 * looks at them. A lease is revoked only after its deadline has passed *and*, after that, a quorum has confirmed that this
 * member still leads; many leases go in one entry.
 */

import { messageOf } from "../base/errors.ts";
import type { Instant, LeaseId } from "../base/ids.ts";
import type { Clock, Logger, Timer } from "../base/ports.ts";

/** Deadlines are looked at in steps of this length, so that leases that expire together go together. */
const stepMs = 500;
/** Leases in one entry. */
const leasesPerEntryMax = 1000;

/** What expiry needs of the store's lease table. */
export interface ExpiringLeases {
  due(now: Instant, max: number): LeaseId[];
  nextDeadline(): Instant | null;
}

export class LeaseExpiry {
  readonly #leases: ExpiringLeases;
  readonly #confirmLeadership: () => Promise<void>;
  readonly #expire: (ids: readonly LeaseId[]) => Promise<unknown>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #leading = false;
  #looking = false;

  constructor(modules: {
    leases: ExpiringLeases;
    confirmLeadership: () => Promise<void>;
    expire: (ids: readonly LeaseId[]) => Promise<unknown>;
    clock: Clock;
    logger: Logger;
  }) {
    this.#leases = modules.leases;
    this.#confirmLeadership = modules.confirmLeadership;
    this.#expire = modules.expire;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
  }

  /** This member became the leader, or stopped being it. */
  lead(leading: boolean): void {
    this.#leading = leading;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.leasesChanged();
  }

  /** A lease was granted or its deadline moved: make sure that somebody looks. */
  leasesChanged(): void {
    if (!this.#leading || this.#timer || this.#looking) return;
    const next = this.#leases.nextDeadline();
    if (next === null) return;
    const at = Math.max(next, this.#clock.now() + stepMs) as Instant;
    this.#timer = this.#clock.at(at, () => void this.#look());
  }

  close(): void {
    this.lead(false);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#looking = true;
    try {
      const due = this.#leases.due(this.#clock.now(), leasesPerEntryMax);
      if (due.length > 0) {
        await this.#confirmLeadership();
        if (this.#leading) await this.#expire(due);
      }
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, "lease expiry is tried again");
    }
    this.#looking = false;
    this.leasesChanged();
  }
}
