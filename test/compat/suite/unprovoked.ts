/**
 * The error texts of etcd.md section 11 that no case of the suite provokes, and why. suite.coverage.test.ts checks that every text
 * of store/wire/status.ts is either in a case or here, and not in both.
 */
import type { KvErrorCode } from "../../../src/store/errors.ts";

export const unprovoked: Readonly<Partial<Record<KvErrorCode, string>>> = {
  "kv.leader-changed":
    "a read index round must be in flight at the very moment the leader steps down; test/unit/agent drives it",
  "kv.stopped":
    "a call must be in flight while the member stops; which of them are cut and which are refused is chance",
  "kv.timeout":
    "which timeout text it is depends on when the new leader is elected: `members lost` accepts this one and the next",
  "kv.timeout-leader-lost": "as above",
  "kv.timeout-connection-lost":
    "a member that lost the connection to its leader forgets the leader long before the request times out",
  "kv.timeout-applied-index": "needs a member that takes seconds to apply what is committed",
  "kv.too-many-requests": "needs 5000 entries that are committed and not applied, at one instant",
  "kv.canceled": "only seen by the server: whoever cancels a call reads no answer",
  "kv.watch-canceled": "as above",
  "kv.member-exists": "a member id holds the time at which it was made; two can only be equal by chance",
  "kv.learner-unsupported": "needs a learner that runs: test of src/agent/membership",
  "kv.cluster-id-mismatch": "between peers only",
  "kv.not-primary-lessor": "a follower forwards; the leader must step down between its check and the renewal",
  "kv.not-capable": "members of one cluster run one version here; nothing is less capable",
  "kv.cluster-version-unavailable": "the cluster's version is always known to a member that serves",
  "kv.downgrade-in-progress": "enabling a downgrade is refused, so that none is ever in progress",
};
