/**
 * Calls between members that are no log entries: what only the leader can answer (lease keepalives, time to live, list
 * of leases; etcd.md 6). The envelope is one byte, 0 for a result and 1 for an error code with its text; the body is the
 * response message: that of the API, or LeaseRenewed for many keepalives at once.
 */

import { utf8 } from "../base/bytes.ts";
import { KvError, type KvErrorCode } from "../store/errors.ts";
import { statusTable } from "../store/wire/status.ts";

export const leaderMethods = ["lease-renewals", "lease-time-to-live", "lease-leases"] as const;
export type LeaderMethod = (typeof leaderMethods)[number];

export function isLeaderMethod(method: string): method is LeaderMethod {
  return leaderMethods.some((known) => known === method);
}

function isKvErrorCode(code: string): code is KvErrorCode {
  return Object.hasOwn(statusTable, code);
}

export function encodeResult(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0]), body]);
}

/** Anything but a KvError travels as `kv.unknown`. */
export function encodeError(error: unknown): Buffer {
  const code: KvErrorCode = error instanceof KvError ? error.code : "kv.unknown";
  const text = error instanceof Error ? error.message : String(error);
  return Buffer.concat([Buffer.from([1]), utf8.encode(`${code}\n${text}`)]);
}

/** The body of a result; throws the KvError that was sent. */
export function decodeAnswer(answer: Uint8Array): Uint8Array {
  if (answer[0] === 0) return answer.subarray(1);
  const [code = "", ...text] = utf8.decode(answer.subarray(1)).split("\n");
  throw new KvError(isKvErrorCode(code) ? code : "kv.unknown", text.join("\n"));
}
