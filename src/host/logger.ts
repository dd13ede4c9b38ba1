/**
 * The log of the process, on stderr: pino, synchronous, without worker threads. JSON lines for machines; `text` for a
 * person at a terminal. Fields are listed in docs/logging.md.
 */
import pino from "pino";
import type { Logger } from "../base/ports.ts";

export interface LogOptions {
  readonly level: string;
  readonly format: "json" | "text";
}

/** The root logger; modules get children with a `module` field. */
export function createLogger(options: LogOptions): Logger {
  const destination = options.format === "text" ? textDestination : pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => (error instanceof Error ? error.message : error) },
    },
    destination,
  ) as Logger;
}

/** `12:00:01.123 info  raft role changed  module=raft role=leader` */
const textDestination = {
  write(line: string): void {
    const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${plain(value)}`);
    process.stderr.write(
      `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${msg} ${rest.join("")}\n`,
    );
  },
};

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
