/**
 * The initial corruption check (etcd.md 17.11, `--initial-corrupt-check`): before a member takes part, its data are compared with
 * what each peer has at the same revision. Peers answer it before they take part themselves, so that a whole cluster can start.
 */
import { messageOf } from "../../base/errors.ts";
import { hex, Instant, type MemberId } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { PeerError } from "../../host/peer/errors.ts";
import { ServerError } from "../server-storage.ts";
import { differsFromPeers, type MemberHash } from "./corruption.ts";
import type { Hasher } from "./hasher.ts";
import { type AskForHash, hashOfPeer } from "./peer-hash.ts";

export interface InitialCheckModules {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hasher: Hasher;
  readonly ask: AskForHash;
  /** All members, this one included. */
  readonly members: () => MemberId[];
}

/** How long a starting member waits for its connections to the others. */
const connectMs = 3000;
const connectStepMs = 100;

/** Peers that are away, behind or compacted differently say nothing. Throws ServerError `server.corrupt`. */
export async function checkBeforeServing(modules: InitialCheckModules): Promise<void> {
  const { hasher, self, logger, members } = modules;
  const own = await hasher.hash(0);
  const { hashRevision: revision } = own;
  const peers = members().filter((member) => member !== self);
  const answers = await Promise.all(peers.map((peer) => askWhenConnected(peer, revision, modules)));
  const known = answers.filter((answer) => answer !== null);
  const differing = differsFromPeers({ member: self, ...own }, known).map(hex);
  if (differing.length > 0) {
    const problem = `the data of this member at revision ${revision} differ from those of ${differing.join(", ")}; remove the member from the cluster, empty its data directory and add it again`;
    throw new ServerError(problem, { code: "server.corrupt", revision, peers: differing });
  }
  const compared = known.filter(({ compactRevision }) => compactRevision === own.compactRevision).length;
  logger.info({ revision, compared }, "no other member has other data");
}

async function askWhenConnected(
  member: MemberId,
  revision: number,
  { clock, logger, ask }: InitialCheckModules,
): Promise<MemberHash | null> {
  const until = clock.now() + connectMs;
  for (;;) {
    try {
      return hashOfPeer(member, await ask(member, "hash-kv", revision));
    } catch (error) {
      const mayConnect = error instanceof PeerError && error.code === "peer.disconnected";
      if (mayConnect && clock.now() < until) {
        await new Promise<void>((resolve) => clock.at(Instant(clock.now() + connectStepMs), resolve));
        continue;
      }
      logger.warn({ peer: hex(member), error: messageOf(error) }, "a member tells no hash");
      return null;
    }
  }
}
