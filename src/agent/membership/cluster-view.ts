/** What a member tells one that wants to join, on the peer port: GET /argosy/v1/cluster. */
import { ClusterId, hex, MemberId } from "../../base/ids.ts";
import type { Member } from "../../store/kv.ts";

export const clusterViewPath = "/argosy/v1/cluster";

export interface ClusterView {
  readonly clusterId: ClusterId;
  readonly members: readonly Pick<Member, "ID" | "name" | "peerURLs" | "clientURLs" | "isLearner">[];
}

/** As JSON, with ids in hex. */
export function clusterViewJson(view: ClusterView): object {
  return {
    clusterId: hex(view.clusterId),
    members: view.members.map((member) => ({ ...member, ID: hex(member.ID) })),
  };
}

/** Null if it is not what a member says. */
export function parseClusterView(text: string): ClusterView | null {
  try {
    const view = JSON.parse(text) as { clusterId: string; members: Record<string, unknown>[] };
    const members = view.members.map((member) => ({
      ID: MemberId(BigInt(`0x${member.ID}`)),
      name: String(member.name),
      peerURLs: strings(member.peerURLs),
      clientURLs: strings(member.clientURLs),
      isLearner: member.isLearner === true,
    }));
    return { clusterId: ClusterId(BigInt(`0x${view.clusterId}`)), members };
  } catch {
    return null;
  }
}

function strings(value: unknown): string[] {
  if (!Array.isArray(value)) throw new TypeError("not a list");
  return value.map(String);
}
