/**
 * The corruption checks (etcd.md 17.11): before a member serves for the first time in its life, periodically at the leader, and
 * after compactions. corruption.ts judges; here the members are asked and the alarm is raised.
 */
import { messageOf } from "../../base/errors.ts";
import { hex, Instant, type MemberId } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { PeerError } from "../../host/peer/errors.ts";
import { KvError } from "../../store/errors.ts";
import { ServerError } from "../server-storage.ts";
import { corruptMembers, differsFromPeers, type MemberHash } from "./corruption.ts";
import type { Hasher } from "./hasher.ts";
import { askForHash, type CallPeer, type HashMethod } from "./peer-hash.ts";

export interface CorruptionMonitorModules {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hasher: Hasher;
  readonly call: CallPeer;
  /** All members, this one included. */
  readonly members: () => MemberId[];
  readonly isLeader: () => boolean;
  readonly revision: () => number;
  readonly compactRevision: () => number;
  /** Resolves when everything that was committed is applied here. */
  readonly barrier: () => Promise<void>;
  readonly isRaised: (member: MemberId) => boolean;
  /** Raises the CORRUPT alarm by an entry of the log. */
  readonly raise: (member: MemberId) => Promise<unknown>;
}

/** How long a starting member waits for its connections to the others. */
const connectMs = 3000;
const connectStepMs = 100;
/** What stands for the hash of a member that has not even come to a revision that was committed before it was asked. */
const missingHash = -1;

export class CorruptionMonitor {
  readonly #modules: CorruptionMonitorModules;
  #running = false;
  /** The last compaction at which everybody was compared. */
  #comparedCompaction = 0;

  constructor(modules: CorruptionMonitorModules) {
    this.#modules = modules;
  }

  /**
   * Compares this member's data with what each peer has at the same revision, if it can say. Peers that are away, behind or
   * compacted differently say nothing. Throws ServerError `server.corrupt`.
   */
  async checkBeforeServing(): Promise<void> {
    const { hasher, self, logger } = this.#modules;
    const own = await hasher.hash(0);
    const peers = this.#peers();
    const answers = await Promise.all(peers.map((peer) => this.#askWhenConnected(peer, own.hashRevision)));
    const known = answers.filter((answer) => answer !== null);
    const differing = differsFromPeers({ member: self, ...own }, known).map(hex);
    if (differing.length > 0) {
      const problem = `the data of this member at revision ${own.hashRevision} differ from those of ${differing.join(", ")}; remove the member from the cluster, empty its data directory and add it again`;
      throw new ServerError(problem, {
        code: "server.corrupt",
        revision: own.hashRevision,
        peers: differing,
      });
    }
    logger.info(
      { revision: own.hashRevision, compared: known.length },
      "data are those of the other members",
    );
  }

  /** The periodic check; at the leader only, one at a time. Never rejects. */
  async check(): Promise<void> {
    await this.#exclusively(async () => {
      await this.#modules.barrier();
      await this.#compareAt(this.#modules.revision());
    });
  }

  /** Compares at the last compaction, unless that was done already. Never rejects. */
  async checkCompaction(): Promise<void> {
    const compacted = this.#modules.compactRevision();
    if (compacted === 0 || compacted === this.#comparedCompaction) return;
    await this.#exclusively(async () => {
      await this.#modules.barrier();
      if (await this.#compareAt(compacted)) {
        this.#comparedCompaction = compacted;
        this.#modules.logger.info({ revision: compacted }, "finished compaction hash check");
      }
    });
  }

  async #exclusively(check: () => Promise<void>): Promise<void> {
    if (this.#running || !this.#modules.isLeader()) return;
    this.#running = true;
    try {
      await check();
    } catch (error) {
      this.#modules.logger.warn({ error: messageOf(error) }, "corruption check failed");
    } finally {
      this.#running = false;
    }
  }

  /** Whether every member could be compared. */
  async #compareAt(revision: number): Promise<boolean> {
    const { self, hasher } = this.#modules;
    const own = await hasher.hash(revision);
    const peers = this.#peers();
    const answers = await Promise.all(peers.map((peer) => this.#ask(peer, "hash-kv-settled", revision, own)));
    const hashes = [{ member: self, ...own }, ...answers.filter((answer) => answer !== null)];
    for (const member of corruptMembers(peers.length + 1, hashes)) await this.#raise(member, revision);
    const comparable = hashes.filter((each) => each.compactRevision === own.compactRevision);
    return comparable.length === peers.length + 1;
  }

  async #raise(member: MemberId, revision: number): Promise<void> {
    const { isRaised, logger, raise } = this.#modules;
    if (isRaised(member)) return;
    logger.error({ member: hex(member), revision }, "the data of the members differ");
    await raise(member);
  }

  #peers(): MemberId[] {
    return this.#modules.members().filter((member) => member !== this.#modules.self);
  }

  /** Null if the peer cannot say. */
  async #ask(
    member: MemberId,
    method: HashMethod,
    revision: number,
    own: { readonly compactRevision: number } | null,
  ): Promise<MemberHash | null> {
    try {
      return { member, ...(await askForHash(member, method, revision, this.#modules.call)) };
    } catch (error) {
      if (own !== null && error instanceof KvError && error.code === "kv.future-revision")
        return { member, hash: missingHash, compactRevision: own.compactRevision };
      if (error instanceof PeerError && error.code === "peer.disconnected" && own === null) throw error;
      this.#modules.logger.warn({ peer: hex(member), error: messageOf(error) }, "a member tells no hash");
      return null;
    }
  }

  async #askWhenConnected(member: MemberId, revision: number): Promise<MemberHash | null> {
    const { clock, logger } = this.#modules;
    const until = clock.now() + connectMs;
    for (;;) {
      try {
        return await this.#ask(member, "hash-kv", revision, null);
      } catch (error) {
        if (clock.now() < until) {
          await new Promise<void>((resolve) => clock.at(Instant(clock.now() + connectStepMs), resolve));
          continue;
        }
        logger.warn({ peer: hex(member), error: messageOf(error) }, "a member tells no hash");
        return null;
      }
    }
  }
}
