/**
 * Who this process is in its cluster: what its data directory says, where it holds a member; else what the flags make of it, or
 * what the cluster says that it joins (etcd.md 15.4, 17.4). A directory's word counts, whatever --initial-* flags say later.
 */
import { get } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "../../base/ports.ts";
import { inspect } from "../../host/data-dir/data-directory.ts";
import type { ServerConfig } from "../config.ts";
import { type ClusterIdentity, clusterIdentity } from "../identity.ts";
import { type ClusterView, clusterViewPath, parseClusterView } from "./cluster-view.ts";
import { assertFirstStart } from "./first-start.ts";
import { joinCluster } from "./join.ts";

/** For the whole answer of one member. */
const askMs = 3000;
/** A view of a thousand members fits. */
const viewBytesMax = 1 << 20;

/** Throws DataDirError or JoinError; writes nothing. */
export async function identifySelf(
  options: ServerConfig & { readonly name: string },
  { logger }: { readonly logger: Logger },
): Promise<ClusterIdentity> {
  const { name, initialCluster, clusterToken } = options;
  const found = await inspect(options.dataDir);
  const byFlags = clusterIdentity(name, initialCluster, clusterToken);
  if (found === null) {
    if (options.membership.clusterState === "existing")
      return joinCluster(name, initialCluster, { ask, pause });
    await assertFirstStart(name, initialCluster, byFlags, { ask });
    return byFlags;
  }
  if (found.start === undefined) return byFlags;
  const { clusterId, memberId, start } = found;
  // Another name and another id: rather somebody else's directory than a member that was renamed or moved.
  if (memberId !== byFlags.memberId && found.name !== name) return byFlags;
  if (memberId !== byFlags.memberId) {
    logger.info({ name }, "the data directory says who this member is; --initial-* flags are ignored");
  }
  return { clusterId, memberId, ...start };
}

function ask(url: string): Promise<ClusterView | null> {
  return new Promise((resolve, reject) => {
    const limit = { signal: AbortSignal.timeout(askMs), agent: false };
    const request = get(`${url}${clusterViewPath}`, limit, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > viewBytesMax) request.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => resolve(parseClusterView(text)));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
