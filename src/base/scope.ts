/**
 * A stack of things to undo. Whatever is opened is pushed with how to close it; `close` runs the stack in reverse, goes
 * on after failures and reports them together. Boot pushes as it goes, so a failed boot cleans up by closing the scope.
 */
export class Scope implements AsyncDisposable {
  readonly #undo: Array<() => void | Promise<void>> = [];
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  /** Aborted at the moment that closing begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Registers `close`; after the scope has begun to close it runs at once. */
  defer(close: () => void | Promise<void>): void {
    if (this.#closing) void this.#closing.then(close);
    else this.#undo.push(close);
  }

  /** Closes everything in reverse order. Throws AggregateError if more than one step failed. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    this.#abort.abort();
    const failures: unknown[] = [];
    for (let step = this.#undo.pop(); step; step = this.#undo.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, "several parts failed to close");
  }
}
