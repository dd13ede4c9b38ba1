/**
 * How each KvErrorCode looks to a gRPC client, and the way back: etcd.md section 11, the one place that knows etcd's numbers
 * and texts. Clients compare whole strings, so a text here is a contract, blanks and commas included.
 */
import { KvError, type KvErrorCode } from "../errors.ts";
import { GrpcCode } from "./grpc-code.ts";

/** A gRPC status as it goes on the wire, before percent-encoding. */
export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
}

/** One row: gRPC code and exact text. A null text means that the error's own message is sent. */
export interface StatusRow {
  readonly grpc: number;
  readonly text: string | null;
}

/**
 * `too many requests` goes as Unknown although its name says ResourceExhausted: real servers do that and clients match the
 * text (section 11, quirk).
 */
export const statusTable: Readonly<Record<KvErrorCode, StatusRow>> = {
  "kv.empty-key": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: key is not provided" },
  "kv.key-not-found": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: key not found" },
  "kv.value-provided": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: value is provided" },
  "kv.lease-provided": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: lease is provided" },
  "kv.too-many-operations": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: too many operations in txn request",
  },
  "kv.duplicate-key": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: duplicate key given in txn request",
  },
  "kv.invalid-sort": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: invalid sort option" },
  "kv.request-too-large": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: request is too large" },
  "kv.compacted": {
    grpc: GrpcCode.OUT_OF_RANGE,
    text: "etcdserver: mvcc: required revision has been compacted",
  },
  "kv.future-revision": {
    grpc: GrpcCode.OUT_OF_RANGE,
    text: "etcdserver: mvcc: required revision is a future revision",
  },
  "kv.no-space": { grpc: GrpcCode.RESOURCE_EXHAUSTED, text: "etcdserver: mvcc: database space exceeded" },
  "kv.lease-not-found": { grpc: GrpcCode.NOT_FOUND, text: "etcdserver: requested lease not found" },
  "kv.lease-exists": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: lease already exists" },
  "kv.lease-ttl-too-large": { grpc: GrpcCode.OUT_OF_RANGE, text: "etcdserver: too large lease TTL" },
  "kv.member-not-found": { grpc: GrpcCode.NOT_FOUND, text: "etcdserver: member not found" },
  "kv.no-leader": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: no leader" },
  "kv.leader-changed": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: leader changed" },
  "kv.stopped": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: server stopped" },
  "kv.timeout": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: request timed out" },
  "kv.timeout-leader-lost": {
    grpc: GrpcCode.UNAVAILABLE,
    text: "etcdserver: request timed out, possibly due to previous leader failure",
  },
  "kv.timeout-connection-lost": {
    grpc: GrpcCode.UNAVAILABLE,
    text: "etcdserver: request timed out, possibly due to connection lost",
  },
  "kv.too-many-requests": { grpc: GrpcCode.UNKNOWN, text: "etcdserver: too many requests" },
  "kv.not-leader": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: not leader" },
  "kv.corrupt": { grpc: GrpcCode.DATA_LOSS, text: "etcdserver: corrupt cluster" },
  "kv.canceled": { grpc: GrpcCode.CANCELED, text: "etcdserver: request canceled" },
  "kv.unimplemented": { grpc: GrpcCode.UNIMPLEMENTED, text: null },
  "kv.unavailable": { grpc: GrpcCode.UNAVAILABLE, text: null },
  "kv.unknown": { grpc: GrpcCode.UNKNOWN, text: null },
};

const codeByText: ReadonlyMap<string, KvErrorCode> = new Map(
  (Object.keys(statusTable) as KvErrorCode[]).flatMap((code) => {
    const { text } = statusTable[code];
    return text === null ? [] : [[text, code] as const];
  }),
);

/** The status that a client sees for `error`. */
export function statusOfKvError(error: KvError): GrpcStatus {
  const row = statusTable[error.code];
  return { code: row.grpc, message: row.text ?? error.message };
}

/** What a remote client throws for a status that is not OK: by text first, since etcd's codes do not tell errors apart. */
export function kvErrorOfStatus(status: GrpcStatus): KvError {
  return new KvError(codeByText.get(status.message) ?? codeByNumber(status.code), status.message);
}

function codeByNumber(code: number): KvErrorCode {
  if (code === GrpcCode.UNAVAILABLE) return "kv.unavailable";
  if (code === GrpcCode.CANCELED) return "kv.canceled";
  if (code === GrpcCode.DEADLINE_EXCEEDED) return "kv.timeout";
  if (code === GrpcCode.UNIMPLEMENTED) return "kv.unimplemented";
  return "kv.unknown";
}
