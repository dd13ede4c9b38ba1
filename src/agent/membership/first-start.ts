/**
 * A member of a new cluster that finds no data of its own: whether that is its first start. One that ran already, and lost its data,
 * would vote a second time in a term that it has forgotten, and lack entries that were acknowledged with its help.
 */
import type { InitialMember } from "../config.ts";
import type { ClusterIdentity } from "../identity.ts";
import type { ClusterView } from "./cluster-view.ts";
import { JoinError } from "./join.ts";

export interface FirstStartModules {
  /** What the member at this URL says; rejects if it says nothing. */
  readonly ask: (url: string) => Promise<ClusterView | null>;
}

/** Asks all others at once; who does not answer knows nothing. Throws JoinError `join.lost`. */
export async function assertFirstStart(
  name: string,
  initial: readonly InitialMember[],
  { clusterId, memberId }: ClusterIdentity,
  modules: FirstStartModules,
): Promise<void> {
  const urls = initial.filter((member) => member.name !== name).flatMap((member) => member.peerUrls);
  const views = await Promise.all(urls.map((url) => modules.ask(url).catch(() => null)));
  const own = views
    .filter((view) => view?.clusterId === clusterId)
    .flatMap((view) => view!.members)
    .find((member) => member.ID === memberId && member.name !== "");
  if (own === undefined) return;
  throw new JoinError(
    `member ${own.name} has started before and its data are not here: restore them, or remove it and add it again`,
    { code: "join.lost" },
  );
}
