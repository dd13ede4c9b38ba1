/**
 * The Downgrade rpc (etcd.md 8.8), as far as one program that speaks for one version can have it: targets are checked as etcd
 * checks them, no downgrade is ever under way, and beginning one is refused.
 */
import { clusterVersion } from "../../api/ops/version.ts";
import { KvError } from "../../store/errors.ts";
import { DowngradeAction, type DowngradeRequest } from "../../store/wire/admin-messages.ts";

/** The answer's version. `decided`: the cluster has agreed on its version. Throws KvError. */
export function downgrade({ action, version }: DowngradeRequest, decided: boolean): string {
  switch (action) {
    case DowngradeAction.VALIDATE:
      checkTarget(version, decided);
      return clusterVersion;
    case DowngradeAction.ENABLE:
      checkTarget(version, decided);
      // All members run one build, which reads and writes one format: there is nothing to go back to.
      throw new KvError("kv.unimplemented", "etcdserver: downgrades are not supported by this server");
    case DowngradeAction.CANCEL:
      throw new KvError("kv.no-downgrade");
    default:
      throw new KvError("kv.unimplemented", "etcdserver: unknown method");
  }
}

/** The target must be the minor version before the cluster's. */
function checkTarget(target: string, decided: boolean): void {
  const [, major, minor] = /^(\d+)\.(\d+)(?:\.\d+)?$/.exec(target) ?? [];
  if (major === undefined || minor === undefined) throw new KvError("kv.downgrade-version-format");
  if (!decided) throw new KvError("kv.cluster-version-unavailable");
  const [ownMajor, ownMinor] = clusterVersion.split(".").map(Number);
  if (Number(major) !== ownMajor || Number(minor) !== ownMinor! - 1)
    throw new KvError("kv.downgrade-target-invalid");
}
