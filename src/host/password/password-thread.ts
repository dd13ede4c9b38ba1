/**
 * bcrypt in a thread of its own, started with the first job and stopped when nothing was asked for a while: a thread costs
 * some megabytes that an agent without auth never pays. Jobs run one after another, in order; at most `jobsPendingMax` wait.
 */
import { Worker } from "node:worker_threads";
import type { Instant } from "../../base/ids.ts";
import type { Clock, Timer } from "../../base/ports.ts";
import { PasswordError } from "./errors.ts";
import type { PasswordAnswer, PasswordJob, PasswordRequest } from "./protocol.ts";
import { workerSource } from "./worker-source.ts";

export interface PasswordThreadOptions {
  /** Beyond this a job is refused (`password.busy`): this bounds memory, and what a guesser can queue. */
  readonly jobsPendingMax: number;
  /** Milliseconds without a job after which the thread ends. */
  readonly idleMs: number;
}

interface Pending {
  readonly resolve: (value: string | boolean) => void;
  readonly reject: (error: PasswordError) => void;
}

/** Megabytes of heap: bcrypt's tables are 4 kB; the default of a thread would be as large as the agent's. */
const heapMegabytesMax = 32;

export class PasswordThread {
  readonly #options: PasswordThreadOptions;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #idle: Timer | null = null;
  #nextId = 0;
  #closed = false;

  constructor(options: PasswordThreadOptions, modules: { clock: Clock }) {
    this.#options = options;
    this.#clock = modules.clock;
  }

  /** Whether the thread is there, for tests and metrics. */
  get running(): boolean {
    return this.#worker !== null;
  }

  /** The bcrypt text of a password, with a salt of its own. `cost` is 4 to 31. Throws PasswordError. */
  async hash(password: string, cost: number): Promise<string> {
    return (await this.#run({ type: "hash", password, cost })) as string;
  }

  /** Whether `hash` was made of this password; compared in constant time. Throws PasswordError. */
  async verify(password: string, hash: string): Promise<boolean> {
    return (await this.#run({ type: "verify", password, hash })) as boolean;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  #run(job: PasswordJob): Promise<string | boolean> {
    if (this.#closed) return Promise.reject(stopped());
    if (this.#pending.size >= this.#options.jobsPendingMax) {
      return Promise.reject(
        new PasswordError("too many password checks are waiting", { code: "password.busy" }),
      );
    }
    this.#idle?.cancel();
    this.#idle = null;
    this.#worker ??= this.#start();
    const id = this.#nextId++;
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ id, job } satisfies PasswordRequest);
    });
  }

  #start(): Worker {
    const options = {
      name: "password",
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax, maxYoungGenerationSizeMb: 4 },
    };
    const worker =
      workerSource === null
        ? new Worker(new URL("./worker.ts", import.meta.url), options)
        : new Worker(workerSource, { ...options, eval: true });
    // A thread must not keep a process alive that has nothing else to do.
    worker.unref();
    worker.on("message", (answer: PasswordAnswer) => this.#answered(answer));
    worker.on("error", () => this.#lost(worker));
    worker.on("exit", () => this.#lost(worker));
    return worker;
  }

  #answered({ id, value, problem }: PasswordAnswer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (value !== undefined) pending.resolve(value);
    else pending.reject(new PasswordError(problem ?? "no answer", { code: "password.refused" }));
    if (this.#pending.size > 0 || this.#closed) return;
    const until = (this.#clock.now() + this.#options.idleMs) as Instant;
    this.#idle = this.#clock.at(until, () => void this.#stop());
  }

  /** The next job starts another thread. */
  #lost(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#pending.values()) reject(stopped());
    this.#pending.clear();
  }

  async #stop(): Promise<void> {
    this.#idle?.cancel();
    this.#idle = null;
    const worker = this.#worker;
    if (worker === null) return;
    this.#lost(worker);
    await worker.terminate();
  }
}

function stopped(): PasswordError {
  return new PasswordError("the password thread was stopped", { code: "password.stopped" });
}
