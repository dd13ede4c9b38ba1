/**
 * The operating errors of the key-value store, as every KvClient throws them. The exact texts and gRPC codes of each are
 * in wire/status.ts (etcd.md section 11); nothing else may know them.
 */
import { AgentError } from "../base/errors.ts";

/** A refusal of the store API, named after etcd's error. */
export type KvErrorCode =
  | "kv.empty-key"
  | "kv.key-not-found"
  | "kv.value-provided"
  | "kv.lease-provided"
  | "kv.too-many-operations"
  | "kv.duplicate-key"
  | "kv.invalid-sort"
  | "kv.request-too-large"
  | "kv.compacted"
  | "kv.future-revision"
  | "kv.no-space"
  | "kv.lease-not-found"
  | "kv.lease-exists"
  | "kv.lease-ttl-too-large"
  | "kv.member-not-found"
  | "kv.no-leader"
  | "kv.leader-changed"
  | "kv.stopped"
  | "kv.timeout"
  | "kv.timeout-leader-lost"
  | "kv.timeout-connection-lost"
  | "kv.too-many-requests"
  | "kv.not-leader"
  | "kv.corrupt"
  | "kv.canceled"
  | "kv.invalid-client-api-version"
  | "kv.member-urls-invalid"
  | "kv.member-exists"
  | "kv.peer-urls-exist"
  | "kv.not-enough-started-members"
  | "kv.not-a-learner"
  | "kv.learner-not-ready"
  | "kv.too-many-learners"
  | "kv.learner-unsupported"
  | "kv.unhealthy-cluster"
  | "kv.cluster-id-mismatch"
  | "kv.bad-leader-transferee"
  | "kv.timeout-leader-transfer"
  | "kv.timeout-applied-index"
  | "kv.not-primary-lessor"
  | "kv.not-capable"
  | "kv.cluster-version-unavailable"
  | "kv.downgrade-version-format"
  | "kv.downgrade-target-invalid"
  | "kv.downgrade-in-progress"
  | "kv.no-downgrade"
  | "kv.watch-canceled"
  | "auth.not-enabled"
  | "auth.root-user-missing"
  | "auth.root-role-missing"
  | "auth.user-empty"
  | "auth.user-exists"
  | "auth.user-not-found"
  | "auth.role-empty"
  | "auth.role-exists"
  | "auth.role-not-found"
  | "auth.role-not-granted"
  | "auth.permission-not-given"
  | "auth.permission-not-granted"
  | "auth.permission-denied"
  | "auth.invalid-management"
  | "auth.failed"
  | "auth.no-password-user"
  | "auth.invalid-token"
  | "auth.old-revision"
  | "election.not-leader"
  | "election.no-leader"
  | "election.leader-missing"
  | "kv.unimplemented"
  | "kv.unavailable"
  | "kv.unknown";

/**
 * Thrown by every KvClient. For `kv.unavailable`, the timeouts and `kv.leader-changed` a write may or may not have
 * happened (at most once); every other code means that nothing changed.
 */
export class KvError extends AgentError<{ code: KvErrorCode }> {
  override readonly name = "KvError";
  constructor(code: KvErrorCode, message: string = code, options?: { cause?: unknown }) {
    super(message, { code }, options);
  }
}

/** A log entry that is not a command: damage, or a format that this version does not know. */
export class CommandError extends AgentError<{ code: "store.command-malformed"; reason: string }> {
  override readonly name = "CommandError";
  constructor(reason: string, options?: { cause?: unknown }) {
    super(`malformed command in the log: ${reason}`, { code: "store.command-malformed", reason }, options);
  }
}

/** A row that the store cannot read: damage, or a table of a later version. */
export class RowError extends AgentError<{ code: "store.row-malformed"; key: string }> {
  override readonly name = "RowError";
  constructor(key: string, what: string, options?: { cause?: unknown }) {
    super(`row ${key} of the store: ${what}`, { code: "store.row-malformed", key }, options);
  }
}
