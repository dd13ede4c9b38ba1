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
