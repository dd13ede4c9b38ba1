/**
 * The replicated state machine as the raft shell drives it: committed entries become store commands, their writes become
 * one batch for level together with the position they bring the member to, and the waiting callers get their answers.
 */
import { Index, type Instant } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
import { contextOf } from "../raft/configuration.ts";
import type { Entry } from "../raft/entry.ts";
import { decodeCommand } from "../store/command.ts";
import { KvError } from "../store/errors.ts";
import { rowsIn, type StoreWrite } from "../store/storage.ts";
import type { Store } from "../store/store.ts";
import type { ApplyObserver } from "./maintenance/apply-meter.ts";
import type { Outcome } from "./pending.ts";

/** What the state machine needs of level. */
export interface StateStorage {
  /** Queues one atomic batch that brings level to `appliedIndex`. */
  write(batch: readonly StoreWrite[], appliedIndex: Index): void;
  /** Bytes queued and not yet in level. */
  readonly pendingBytes: number;
}

/** Rows queued for level beyond which applying waits. */
export const pendingBytesMax: number = 64 << 20;

/** The clock is looked at once in so many entries, or rows: one entry may write thousands. */
const entriesPerClockCheck = 64;

export class StateMachine {
  readonly #store: Store;
  readonly #storage: StateStorage;
  readonly #clock: Clock;
  readonly #settle: (requestId: bigint, outcome: Outcome) => void;
  readonly #observer: ApplyObserver;

  constructor(modules: {
    store: Store;
    storage: StateStorage;
    clock: Clock;
    settle: (requestId: bigint, outcome: Outcome) => void;
    observer?: ApplyObserver;
  }) {
    this.#store = modules.store;
    this.#storage = modules.storage;
    this.#clock = modules.clock;
    this.#settle = modules.settle;
    this.#observer = modules.observer ?? { applied() {}, batch() {} };
  }

  /**
   * Applies as many of `entries` as fit before `deadline` and into level's queue; returns how many. The answers go out
   * after the batch is queued: the log already holds the entries durably, level catches up by replay after a crash.
   */
  apply(entries: readonly Entry[], deadline: Instant): number {
    if (this.#storage.pendingBytes > pendingBytesMax) return 0;
    const writes: StoreWrite[] = [];
    const settled: [bigint, Outcome][] = [];
    let taken = 0;
    let rows = 0;
    let counted = 0;
    let next = entriesPerClockCheck;
    const started = this.#clock.now();
    for (const entry of entries) {
      this.#applyOne(entry, writes, settled);
      taken++;
      for (; counted < writes.length; counted++) rows += rowsIn(writes[counted]!);
      if (Math.max(taken, rows) < next) continue;
      if (this.#clock.now() >= deadline) break;
      next = Math.max(taken, rows) + entriesPerClockCheck;
    }
    const last = entries[taken - 1];
    if (!last) return 0;
    this.#observer.batch((this.#clock.now() - started) / 1000);
    this.#storage.write(writes, Index(last.index));
    for (const [requestId, outcome] of settled) this.#settle(requestId, outcome);
    return taken;
  }

  #applyOne(entry: Entry, writes: StoreWrite[], settled: [bigint, Outcome][]): void {
    const data = commandOf(entry);
    if (data === null) {
      this.#store.skip(entry.index);
      return;
    }
    const command = decodeCommand(data);
    const byClock = command.kind === "lease-expire" || command.kind === "lease-checkpoint";
    if (byClock && command.request.term !== entry.term) {
      // Said by a leader that was deposed before this was appended: its successor keeps time anew.
      this.#store.skip(entry.index);
      settled.push([command.requestId, { error: new KvError("kv.leader-changed") }]);
      return;
    }
    const outcome = this.#store.apply(entry.index, command, writes);
    this.#observer.applied(command, outcome);
    settled.push([command.requestId, outcome]);
  }
}

/** The command in an entry; a change of the configuration has one as its context. Null if there is none. */
export function commandOf(entry: Pick<Entry, "type" | "data">): Uint8Array | null {
  if (entry.type === "normal") return entry.data;
  return entry.type === "configuration" ? contextOf(entry.data) : null;
}
