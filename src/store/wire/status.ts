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
  "kv.invalid-client-api-version": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: invalid client api version",
  },
  "kv.member-urls-invalid": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: given member URLs are invalid",
  },
  "kv.member-exists": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: member ID already exist" },
  "kv.peer-urls-exist": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: Peer URLs already exists" },
  "kv.not-enough-started-members": {
    grpc: GrpcCode.UNKNOWN,
    text: "etcdserver: re-configuration failed due to not enough started members",
  },
  "kv.not-a-learner": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: can only promote a learner member",
  },
  "kv.learner-not-ready": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: can only promote a learner member which is in sync with leader",
  },
  "kv.too-many-learners": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: too many learner members in cluster",
  },
  "kv.learner-unsupported": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: rpc not supported for learner" },
  "kv.unhealthy-cluster": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: unhealthy cluster" },
  "kv.cluster-id-mismatch": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: cluster ID mismatch" },
  "kv.bad-leader-transferee": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: bad leader transferee",
  },
  "kv.timeout-leader-transfer": {
    grpc: GrpcCode.UNKNOWN,
    text: "etcdserver: request timed out, leader transfer took too long",
  },
  "kv.timeout-applied-index": {
    grpc: GrpcCode.UNAVAILABLE,
    text: "etcdserver: request timed out, waiting for the applied index took too long",
  },
  "kv.not-primary-lessor": { grpc: GrpcCode.UNKNOWN, text: "etcdserver: not a primary lessor" },
  "kv.not-capable": { grpc: GrpcCode.UNAVAILABLE, text: "etcdserver: not capable" },
  "kv.cluster-version-unavailable": {
    grpc: GrpcCode.UNAVAILABLE,
    text: "etcdserver: cluster version not found during downgrade",
  },
  "kv.downgrade-version-format": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: wrong downgrade target version format",
  },
  "kv.downgrade-target-invalid": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: invalid downgrade target version",
  },
  "kv.downgrade-in-progress": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: cluster has a downgrade job in progress",
  },
  "kv.no-downgrade": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: no inflight downgrade job" },
  "kv.watch-canceled": { grpc: GrpcCode.CANCELED, text: "etcdserver: watch canceled" },
  "auth.not-enabled": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: authentication is not enabled",
  },
  "auth.root-user-missing": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: root user does not exist",
  },
  "auth.root-role-missing": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: root user does not have root role",
  },
  "auth.user-empty": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: user name is empty" },
  "auth.user-exists": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: user name already exists" },
  "auth.user-not-found": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: user name not found" },
  "auth.role-empty": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: role name is empty" },
  "auth.role-exists": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: role name already exists" },
  "auth.role-not-found": { grpc: GrpcCode.FAILED_PRECONDITION, text: "etcdserver: role name not found" },
  "auth.role-not-granted": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: role is not granted to the user",
  },
  "auth.permission-not-given": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: permission not given" },
  "auth.permission-not-granted": {
    grpc: GrpcCode.FAILED_PRECONDITION,
    text: "etcdserver: permission is not granted to the role",
  },
  "auth.permission-denied": { grpc: GrpcCode.PERMISSION_DENIED, text: "etcdserver: permission denied" },
  "auth.invalid-management": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: invalid auth management" },
  "auth.failed": {
    grpc: GrpcCode.INVALID_ARGUMENT,
    text: "etcdserver: authentication failed, invalid user ID or password",
  },
  "auth.no-password-user": {
    grpc: GrpcCode.UNKNOWN,
    text: "auth: authentication failed, password was given for no password user",
  },
  "auth.invalid-token": { grpc: GrpcCode.UNAUTHENTICATED, text: "etcdserver: invalid auth token" },
  "auth.old-revision": { grpc: GrpcCode.INVALID_ARGUMENT, text: "etcdserver: revision of auth store is old" },
  "election.not-leader": { grpc: GrpcCode.UNKNOWN, text: "election: not leader" },
  "election.no-leader": { grpc: GrpcCode.UNKNOWN, text: "election: no leader" },
  "election.leader-missing": { grpc: GrpcCode.UNKNOWN, text: '"leader" field must be provided' },
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
  if (error.code === "kv.unknown" && error.cause instanceof ForeignStatus) return error.cause.status;
  const row = statusTable[error.code];
  return { code: row.grpc, message: row.text ?? error.message };
}

/** What a remote client throws for a status that is not OK: by text first, since etcd's codes do not tell errors apart. */
export function kvErrorOfStatus(status: GrpcStatus): KvError {
  const code = codeByText.get(status.message) ?? codeByNumber(status.code);
  return new KvError(code, status.message, code === "kv.unknown" ? { cause: new ForeignStatus(status) } : {});
}

/** A status that our table does not know, kept whole for whoever passes the error on. */
class ForeignStatus extends Error {
  readonly status: GrpcStatus;
  constructor(status: GrpcStatus) {
    super(status.message);
    this.status = status;
  }
}

function codeByNumber(code: number): KvErrorCode {
  if (code === GrpcCode.UNAVAILABLE) return "kv.unavailable";
  if (code === GrpcCode.CANCELED) return "kv.canceled";
  if (code === GrpcCode.DEADLINE_EXCEEDED) return "kv.timeout";
  if (code === GrpcCode.UNIMPLEMENTED) return "kv.unimplemented";
  return "kv.unknown";
}
