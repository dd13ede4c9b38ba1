/** The `grpc-timeout` header (PROTOCOL-HTTP2.md, "Timeout"): up to eight digits and a unit. */

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Timers take 32-bit milliseconds; a deadline beyond 24 days is none that anyone waits for. */
const timeoutMsMax = 2 ** 31 - 1;

/** Milliseconds, undefined for no header, null for a malformed one. */
export function parseGrpcTimeout(header: string | undefined): number | undefined | null {
  if (header === undefined) return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  if (!match) return null;
  return Math.min(Number(match[1]) * unitMs[match[2]!]!, timeoutMsMax);
}

/** What is wrong with a malformed header, in grpc-go's words. */
export function timeoutProblem(header: string): string {
  const quoted = JSON.stringify(header);
  if (header.length < 2) return `transport: timeout string is too short: ${quoted}`;
  if (header.length > 9) return `transport: timeout string is too long: ${quoted}`;
  if (!(header.at(-1)! in unitMs)) return `transport: timeout unit is not recognized: ${quoted}`;
  return `strconv.ParseUint: parsing ${JSON.stringify(header.slice(0, -1))}: invalid syntax`;
}
