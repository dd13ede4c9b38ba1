/**
 * Ports to time, chance and the log. Production implements them in host/; tests and the simulator implement them in
 * test/support. Cores see only the types, and of the clock only the instants that their events carry.
 */
import type { Instant } from "./ids.ts";

/** A timer that can be taken back; taking it back twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time. `now` is monotonic and drives every decision; `wallMs` is for people and for certificates only. */
export interface Clock {
  now(): Instant;
  /** Milliseconds since 1970-01-01 UTC; may jump. */
  wallMs(): number;
  /** Calls `fire` once, not before `at`. A late loop makes it late; it never fires twice. */
  at(at: Instant, fire: () => void): Timer;
}

/** Chance. */
export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
}

/** Structured log: a constant message, data in fields (docs/logging.md lists them). Shaped like pino. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

/** A logger that drops everything. */
export const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};
