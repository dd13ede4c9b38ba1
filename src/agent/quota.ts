/**
 * The database quota of this member (etcd.md 8.2). What would take the database to its quota is refused before it is proposed,
 * and the member then raises a NOSPACE alarm through the log: from there on every member refuses, until an operator has made
 * room and disarmed the alarm.
 */
import { messageOf } from "../base/errors.ts";
import type { MemberId } from "../base/ids.ts";
import type { Logger } from "../base/ports.ts";
import { KvError } from "../store/errors.ts";
import { AlarmAction, type AlarmRequest, AlarmType } from "../store/wire/admin-messages.ts";

export interface QuotaOptions {
  /** Infinity: no quota. */
  readonly bytesMax: number;
  readonly memberId: MemberId;
}

export interface QuotaModules {
  /** What the database takes now. */
  readonly databaseBytes: () => number;
  /** Whether this member's alarm is active already. */
  readonly isRaised: () => boolean;
  readonly propose: (request: AlarmRequest) => Promise<unknown>;
  readonly logger: Logger;
}

export class Quota {
  readonly #options: QuotaOptions;
  readonly #modules: QuotaModules;
  /** The alarm is on its way through the log. */
  #raising: Promise<void> | null = null;

  constructor(options: QuotaOptions, modules: QuotaModules) {
    this.#options = options;
    this.#modules = modules;
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  /**
   * Nothing, if there is room for a request that costs `bytes` (store/cost.ts); cost 0 always has room. Else a promise that
   * rejects with `kv.no-space`, once the alarm is raised or could not be.
   */
  check(bytes: number): Promise<never> | undefined {
    if (bytes === 0 || this.#modules.databaseBytes() + bytes < this.#options.bytesMax) return undefined;
    return this.#refuse();
  }

  async #refuse(): Promise<never> {
    if (!this.#modules.isRaised()) {
      this.#raising ??= this.#raise();
      await this.#raising;
    }
    throw new KvError("kv.no-space");
  }

  async #raise(): Promise<void> {
    const { logger, propose } = this.#modules;
    const alarm = AlarmType.NOSPACE;
    try {
      await propose({ action: AlarmAction.ACTIVATE, memberID: this.#options.memberId, alarm });
      logger.warn({ quotaBytes: this.#options.bytesMax }, "database quota reached: alarm NOSPACE raised");
    } catch (error) {
      logger.warn(
        { error: messageOf(error) },
        "alarm NOSPACE could not be raised; the next write tries again",
      );
    } finally {
      this.#raising = null;
    }
  }
}
