/** Durations on the command line: `30s`, `1m30s`, `500ms`; a bare number is seconds. */
import { usageError } from "./errors.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds; 0 means "without end" to its users. Throws `cli.usage` naming the flag. */
export function durationMs(flag: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text)
    throw usageError(`--${flag}: "${text}" is not a duration such as 30s or 1m30s`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
}
