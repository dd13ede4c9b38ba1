/**
 * Expiry of store leases on the leader (etcd.md 6). The store's lease table keeps the deadlines; here the leader's clock
 * looks at them. A lease is revoked only after its deadline has passed *and*, after that, a quorum has confirmed that this
 * member still leads; many leases go in one entry, and very many in several.
 */

import { messageOf } from "../base/errors.ts";
import type { Instant, LeaseId } from "../base/ids.ts";
import type { Clock, Logger, Timer } from "../base/ports.ts";

/** Deadlines are looked at in steps of this length, so that leases that expire together go together. */
const stepMs = 500;
/** Leases and their keys in one entry, about: what applying it may cost at once. */
const rowsPerEntryMax = 250;

/** What expiry needs of the store's lease table. */
export interface ExpiringLeases {
  /** Leases that ended before `now`, with about `costMax` rows, taken as expired from here on. */
  due(now: Instant, costMax: number): LeaseId[];
  nextDeadline(): Instant | null;
}

export class LeaseExpiry {
  readonly #leases: ExpiringLeases;
  readonly #confirmLeadership: () => Promise<void>;
  readonly #expire: (ids: readonly LeaseId[]) => Promise<unknown>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  /** When `timer` fires. */
  #lookAt = 0;
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
    if (!this.#leading || this.#looking) return;
    const next = this.#leases.nextDeadline();
    if (next === null) return;
    const at = Math.max(next, this.#clock.now() + stepMs) as Instant;
    // A lease that ends before all that were known must not wait for them.
    if (this.#timer && this.#lookAt <= at) return;
    this.#timer?.cancel();
    this.#lookAt = at;
    this.#timer = this.#clock.at(at, () => void this.#look());
  }

  close(): void {
    this.lead(false);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#looking = true;
    try {
      const now = this.#clock.now();
      if ((this.#leases.nextDeadline() ?? Number.POSITIVE_INFINITY) <= now) {
        // Renewals that came in time and wait for the same confirmation are answered first: nothing is expired before it.
        await this.#confirmLeadership();
        await this.#expireUntil(now);
      }
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, "lease expiry is tried again");
    }
    this.#looking = false;
    this.leasesChanged();
  }

  /** Everything that ended up to `then`, which the confirmation of the leadership came after. */
  async #expireUntil(then: Instant): Promise<void> {
    while (this.#leading) {
      const due = this.#leases.due(then, rowsPerEntryMax);
      if (due.length === 0) return;
      await this.#expire(due);
    }
  }
}
