/** This agent's copy of the registry, kept up to date by a watch; who needs a certain revision can await it. */
import { utf8 } from "../../base/bytes.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { type KvClient, KvError } from "../../store/kv.ts";
import { Registry, registryPrefix } from "../../units/registry.ts";
import { followPrefix, isDelete } from "./follow-prefix.ts";

interface Waiter {
  readonly revision: number;
  wake(): void;
}

/** Longest wait for a revision: without a quorum it may never come. */
const reachedMs = 5_000;

export class RegistryView {
  readonly registry = new Registry();
  readonly #waiters = new Set<Waiter>();
  readonly #listeners: (() => void)[] = [];
  readonly #following: { close(): void };
  readonly #modules: { readonly clock: Clock };
  #closed = false;

  constructor(modules: { readonly kv: KvClient; readonly clock: Clock; readonly logger: Logger }) {
    this.#modules = modules;
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

  /** Resolves once the copy stands at `revision` or later, or when the view is closed. KvError `kv.timeout` after 5 s. */
  async reached(revision: number): Promise<void> {
    if (this.registry.revision >= revision || this.#closed) return;
    const { clock } = this.#modules;
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        revision,
        wake: () => {
          timer.cancel();
          resolve();
        },
      };
      const timer = clock.at(Instant(clock.now() + reachedMs), () => {
        this.#waiters.delete(waiter);
        reject(new KvError("kv.timeout"));
      });
      this.#waiters.add(waiter);
    });
  }

  /** Callers of `reached` that still wait. */
  get waiting(): number {
    return this.#waiters.size;
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
