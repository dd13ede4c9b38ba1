/** This agent's copy of the registry, kept up to date by a watch; who needs a certain revision can await it. */
import { utf8 } from "../../base/bytes.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { KvClient } from "../../store/kv.ts";
import { Registry, registryPrefix } from "../../units/registry.ts";
import { followPrefix, isDelete } from "./follow-prefix.ts";

interface Waiter {
  readonly revision: number;
  wake(): void;
}

export class RegistryView {
  readonly registry = new Registry();
  readonly #waiters = new Set<Waiter>();
  readonly #listeners: (() => void)[] = [];
  readonly #following: { close(): void };
  #closed = false;

  constructor(modules: { readonly kv: KvClient; readonly clock: Clock; readonly logger: Logger }) {
    const follower = {
      reset: (pairs: Parameters<typeof toChange>[0][], revision: number): void => {
        this.registry.reset(pairs.map(toChange), revision);
        this.#changed();
      },
      change: (events: readonly import("../../store/kv.ts").Event[], revision: number): void => {
        const changes = events.map((event) =>
          isDelete(event) ? { ...toChange(event.kv!), value: null } : toChange(event.kv!),
        );
        this.registry.apply(changes, revision);
        this.#changed();
      },
    };
    this.#following = followPrefix({ prefix: registryPrefix }, { ...modules, follower });
  }

  /** Calls `listener` after each change, synchronously. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves once the copy stands at `revision` or later, or when the view is closed. */
  async reached(revision: number): Promise<void> {
    if (this.registry.revision >= revision || this.#closed) return;
    await new Promise<void>((wake) => this.#waiters.add({ revision, wake }));
  }

  close(): void {
    this.#closed = true;
    this.#following.close();
    for (const waiter of this.#waiters) waiter.wake();
    this.#waiters.clear();
  }

  #changed(): void {
    for (const waiter of this.#waiters) {
      if (waiter.revision > this.registry.revision) continue;
      this.#waiters.delete(waiter);
      waiter.wake();
    }
    for (const listener of this.#listeners) listener();
  }
}

function toChange(pair: import("../../store/kv.ts").KeyValue): {
  key: string;
  value: string | null;
  revision: number;
} {
  return { key: utf8.decode(pair.key), value: utf8.decode(pair.value), revision: pair.mod_revision };
}
