/**
 * Assertions for bugs: a condition that the code itself promises. A failed assertion is not an operating error and is
 * never caught; the process dies, because a cluster survives a dead member but not a lying one.
 */

/** The error of a broken promise of our own code. Nothing but the outermost handler may catch it. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** Throws AssertionFailure unless `condition` holds; `promise` says what must hold. */
export function assert(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new AssertionFailure(promise);
}

/** Ends an exhaustive switch: the compiler rejects it while a case is missing. */
export function assertNever(value: never, what = "unhandled case"): never {
  throw new AssertionFailure(`${what}: ${JSON.stringify(value)}`);
}
