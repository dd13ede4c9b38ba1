/**
 * The first start of a member that was added to a running cluster (etcd.md 17.4): it asks the others who is in, finds itself by
 * its peer URLs, and takes the id that it was given.
 */
import { AgentError } from "../../base/errors.ts";
import type { MemberId } from "../../base/ids.ts";
import type { InitialMember } from "../config.ts";
import type { ClusterIdentity } from "../identity.ts";
import type { ClusterView } from "./cluster-view.ts";

/** Nothing was written; the message says what to do. */
export class JoinError extends AgentError<{
  readonly code: "join.unreachable" | "join.mismatch" | "join.lost";
}> {
  override readonly name = "JoinError";
}

/** Rounds over all peers, and the pause between them: a follower may not have heard of the new member yet. */
const roundsMax = 10;
const pauseMs = 300;

export interface JoinModules {
  /** What the member at this URL says; rejects if it says nothing. */
  readonly ask: (url: string) => Promise<ClusterView | null>;
  readonly pause: (ms: number) => Promise<void>;
}

/** Throws JoinError. */
export async function joinCluster(
  name: string,
  initial: readonly InitialMember[],
  modules: JoinModules,
): Promise<ClusterIdentity> {
  const urls = initial.filter((member) => member.name !== name).flatMap((member) => member.peerUrls);
  let failure = new JoinError(
    "--initial-cluster names no other member: with --initial-cluster-state existing name all of them",
    { code: "join.mismatch" },
  );
  for (let round = 0; round < roundsMax && urls.length > 0; round++) {
    if (round > 0) await modules.pause(pauseMs);
    for (const url of urls) {
      const view = await modules.ask(url).catch(() => null);
      if (view === null) {
        if (failure.code !== "join.mismatch" || round === 0) {
          failure = new JoinError(`no member answers at ${urls.join(", ")}`, { code: "join.unreachable" });
        }
        continue;
      }
      const found = identify(name, initial, view);
      if (!(found instanceof JoinError)) return found;
      failure = found;
      if (found.code === "join.lost") throw found;
    }
  }
  throw failure;
}

/** Who this member is in a cluster that looks like this, or why it is nobody there. */
export function identify(
  name: string,
  initial: readonly InitialMember[],
  { clusterId, members }: ClusterView,
): ClusterIdentity | JoinError {
  const idOf = (peerUrls: readonly string[]) =>
    members.find((member) => [...member.peerURLs].sort().join() === [...peerUrls].sort().join());
  const own = initial.find((member) => member.name === name)!;
  const self = idOf(own.peerUrls);
  if (self === undefined) {
    return mismatch(`the cluster has no member with the peer URLs ${own.peerUrls.join(",")}: add it first`);
  }
  if (self.name !== "") {
    const problem = `member ${self.name} has started before and its data are not here: remove it and add it again`;
    return new JoinError(problem, { code: "join.lost" });
  }
  const strangers = initial.filter((member) => idOf(member.peerUrls) === undefined);
  if (strangers.length > 0 || members.length !== initial.length) {
    const known = members.map((member) => `${member.name || "(new)"}=${member.peerURLs.join(",")}`).join(" ");
    return mismatch(`--initial-cluster is not what the cluster says: ${known}`);
  }
  return {
    clusterId,
    memberId: self.ID as MemberId,
    joined: true,
    members: members.map((member) => ({
      id: member.ID as MemberId,
      name: member.name,
      peerUrls: member.peerURLs,
      isLearner: member.isLearner,
    })),
  };
}

function mismatch(problem: string): JoinError {
  return new JoinError(problem, { code: "join.mismatch" });
}
