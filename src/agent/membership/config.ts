/** The flags of membership (etcd.md 15.2). */
import { boolean, integer, oneOf, type RunFlags } from "../config.ts";

export interface MembershipConfig {
  /** `existing`: a first start joins a cluster that has let this member in (etcd.md 17.4). */
  readonly clusterState: "new" | "existing";
  /** Whether changes are refused that started and connected members could not carry (etcd.md 7). */
  readonly strictReconfigCheck: boolean;
  readonly learnersMax: number;
}

/** Throws ConfigError. */
export function parseMembership(flags: RunFlags): MembershipConfig {
  return {
    clusterState: oneOf(flags, "initial-cluster-state", ["new", "existing"] as const, "new"),
    strictReconfigCheck: boolean(flags, "strict-reconfig-check", true),
    learnersMax: integer(flags, "max-learners", 1, { min: 0, max: 100 }),
  };
}
