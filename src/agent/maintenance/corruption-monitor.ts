/**
 * The corruption checks while the cluster runs (etcd.md 17.11): periodically, and after compactions, at the leader. corruption.ts
 * judges; here the members are asked and the alarm is raised. A false alarm would stop a healthy cluster, so a member that
 * cannot say, or that was compacted differently, is never judged.
 *
 * Whoever leads may lose that on the way: what was compared is history that was committed, so the verdict stands all the same.
 */
import { messageOf } from "../../base/errors.ts";
import { hex, type MemberId } from "../../base/ids.ts";
import type { Logger } from "../../base/ports.ts";
import { KvError } from "../../store/errors.ts";
import { corruptMembers, type MemberHash } from "./corruption.ts";
import type { Hasher } from "./hasher.ts";
import { type AskForHash, hashOfPeer } from "./peer-hash.ts";

export interface CorruptionMonitorModules {
  readonly self: MemberId;
  readonly logger: Logger;
  readonly hasher: Hasher;
  readonly ask: AskForHash;
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

/** What stands for the hash of a member that has not even come to a revision that was committed before it was asked. */
const missingHash = -1;

type Hashes = Map<MemberId, MemberHash>;

export class CorruptionMonitor {
  readonly #modules: CorruptionMonitorModules;
  readonly #running = new Set<"present" | "compaction">();
  /** Who is known at the last compaction. Whoever was away is asked again, nobody twice: each hash reads a whole store. */
  #atCompaction: { readonly revision: number; readonly hashes: Hashes } = { revision: 0, hashes: new Map() };

  constructor(modules: CorruptionMonitorModules) {
    this.#modules = modules;
  }

  /** The periodic check; at the leader only, one at a time. Never rejects. */
  async check(): Promise<void> {
    await this.#oneAtATime("present", async () => {
      const revision = this.#modules.revision();
      const hashes: Hashes = new Map();
      await this.#gather(revision, hashes);
      await this.#judge(revision, hashes);
    });
  }

  /** Compares at the last compaction, until everybody was compared there. Never rejects. */
  async checkCompaction(): Promise<void> {
    const { compactRevision, members, logger } = this.#modules;
    const revision = compactRevision();
    if (revision === 0) return;
    if (this.#atCompaction.revision !== revision) this.#atCompaction = { revision, hashes: new Map() };
    const { hashes } = this.#atCompaction;
    const isComplete = (): boolean => members().every((member) => hashes.has(member));
    if (isComplete()) return;
    await this.#oneAtATime("compaction", async () => {
      await this.#gather(revision, hashes);
      await this.#judge(revision, hashes);
      if (isComplete()) logger.info({ revision }, "finished compaction hash check");
    });
  }

  async #oneAtATime(check: "present" | "compaction", work: () => Promise<void>): Promise<void> {
    const { isLeader, barrier, logger } = this.#modules;
    if (this.#running.has(check) || !isLeader()) return;
    this.#running.add(check);
    try {
      await barrier();
      await work();
    } catch (error) {
      if (!isOvertaken(error)) logger.warn({ error: messageOf(error) }, "corruption check failed");
    } finally {
      this.#running.delete(check);
    }
  }

  /** Adds the hashes at `revision` that are missing and can be compared with that of this member. */
  async #gather(revision: number, hashes: Hashes): Promise<void> {
    const { self, hasher, members } = this.#modules;
    const own = hashes.get(self) ?? { member: self, ...(await hasher.hash(revision)) };
    hashes.set(self, own);
    const ask = async (member: MemberId): Promise<void> => {
      const hash = await this.#ask(member, revision, own);
      if (hash?.compactRevision === own.compactRevision) hashes.set(member, hash);
    };
    await Promise.all(
      members()
        .filter((member) => !hashes.has(member))
        .map(ask),
    );
  }

  async #judge(revision: number, hashes: Hashes): Promise<void> {
    const { members, isRaised, logger, raise } = this.#modules;
    const present = members();
    const known = present.flatMap((member) => hashes.get(member) ?? []);
    for (const member of corruptMembers(present.length, known)) {
      if (isRaised(member)) continue;
      logger.error({ member: hex(member), revision }, "the data of the members differ");
      await raise(member);
    }
  }

  /** Null if the peer cannot say. */
  async #ask(member: MemberId, revision: number, own: MemberHash): Promise<MemberHash | null> {
    const { ask, logger } = this.#modules;
    try {
      return hashOfPeer(member, await ask(member, "hash-kv-settled", revision));
    } catch (error) {
      if (error instanceof KvError && error.code === "kv.future-revision")
        return { member, hash: missingHash, compactRevision: own.compactRevision };
      if (!isOvertaken(error))
        logger.warn({ peer: hex(member), error: messageOf(error) }, "a member tells no hash");
      return null;
    }
  }
}

/** A compaction came in between; the next look compares there. */
function isOvertaken(error: unknown): boolean {
  return error instanceof KvError && error.code === "kv.compacted";
}
