/**
 * The events of one revision as watchers get them. An event is made once and shared by all watchers of its kind; previous
 * pairs are looked up only if somebody asked for them.
 */
import type { Keyspace } from "../mvcc/keyspace.ts";
import type { Change } from "../mvcc/record.ts";
import { EventType } from "../wire/messages.ts";
import { SharedEvent } from "./event-batch.ts";

export class RevisionEvents {
  readonly main: number;
  readonly changes: readonly Change[];
  readonly #keyspace: Keyspace;
  readonly #plain: SharedEvent[] = [];
  readonly #withPrevious: SharedEvent[] = [];

  constructor(main: number, modules: { keyspace: Keyspace }) {
    this.main = main;
    this.#keyspace = modules.keyspace;
    this.changes = modules.keyspace.changesOf(main);
  }

  /** The event of the change at place `sub`. */
  event(sub: number, withPrevious: boolean): SharedEvent {
    const made = withPrevious ? this.#withPrevious : this.#plain;
    made[sub] ??= this.#make(this.changes[sub]!, withPrevious);
    return made[sub];
  }

  #make(change: Change, withPrevious: boolean): SharedEvent {
    const prev_kv = withPrevious ? this.#keyspace.before(change.name, this.main)?.kv : undefined;
    return new SharedEvent({
      type: change.deleted ? EventType.DELETE : EventType.PUT,
      kv: change.kv,
      prev_kv,
    });
  }
}
