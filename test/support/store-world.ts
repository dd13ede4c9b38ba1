/**
 * A store on a map with its entries numbered and its writes handed over when the test says so: what the tests of the state
 * machine drive. Batches stay open until `flush`, as in a member that collects the entries of one turn.
 */
import { Index } from "../../src/base/ids.ts";
import type { CommandKind, CommandOf, CommandRequests } from "../../src/store/command.ts";
import type { StoreOptions } from "../../src/store/options.ts";
import type { StoreWrite } from "../../src/store/storage.ts";
import { type ApplyOutcome, Store } from "../../src/store/store.ts";
import { MemoryRecords } from "./memory-records.ts";

export class StoreWorld {
  readonly records: MemoryRecords;
  readonly store: Store;
  #writes: StoreWrite[] = [];

  constructor(options: Partial<StoreOptions> = {}, records: MemoryRecords = new MemoryRecords()) {
    this.records = records;
    this.store = new Store(options, { records });
  }

  apply<Kind extends CommandKind>(kind: Kind, request: CommandRequests[Kind]): ApplyOutcome<Kind> {
    const index = Index(this.store.appliedIndex + 1);
    const command = { kind, requestId: BigInt(index) + 0x5000n, wallMs: 0, request } as CommandOf<Kind>;
    return this.store.apply(index, command, this.#writes);
  }

  /** Applies what must succeed. */
  done<Kind extends CommandKind>(
    kind: Kind,
    request: CommandRequests[Kind],
  ): NonNullable<ApplyOutcome<Kind>["response"]> {
    const outcome = this.apply(kind, request);
    if (outcome.error) throw outcome.error;
    return outcome.response as NonNullable<ApplyOutcome<Kind>["response"]>;
  }

  /** Hands the batch over. */
  flush(): void {
    this.records.write(this.#writes);
    this.#writes = [];
  }

  pump(budget = 1000): boolean {
    const more = this.store.pump(budget, this.#writes);
    this.flush();
    return more;
  }

  pumpAll(budget = 1000): void {
    while (this.pump(budget));
  }

  /** A new store from the same rows, as after a restart. */
  restarted(options: Partial<StoreOptions> = {}): StoreWorld {
    this.flush();
    const world = new StoreWorld(options, this.records);
    world.store.load(this.records.rows());
    world.store.loaded(this.store.appliedIndex);
    return world;
  }

  /** Another member with the same state and rows of its own. */
  copied(options: Partial<StoreOptions> = {}): StoreWorld {
    this.flush();
    const records = new MemoryRecords();
    records.replace(this.records.rows());
    const world = new StoreWorld(options, records);
    world.store.load(records.rows());
    world.store.loaded(this.store.appliedIndex);
    return world;
  }

  /** Replaces the store's state by another one's rows, as a received snapshot does. */
  install(from: StoreWorld): void {
    this.flush();
    from.flush();
    this.store.reset();
    this.records.replace(from.records.rows());
    this.store.load(this.records.rows());
    this.store.loaded(from.store.appliedIndex);
  }
}
