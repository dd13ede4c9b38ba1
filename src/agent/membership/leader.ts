/**
 * Changes of membership on the leader, one at a time (etcd.md 7): wait until everything earlier is applied here, check, plan,
 * propose one configuration entry whose context is the change. And the vote of members that were let in as voters: they get it
 * when they have the log.
 */
import { hex, type Instant, MemberId } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import { encodeConfiguration } from "../../raft/configuration.ts";
import type { Raft } from "../../raft/raft.ts";
import { type AdminRpc, adminRpcs } from "../../store/admin.ts";
import { encodeCommand, encodeRequest } from "../../store/command.ts";
import { KvError, type KvErrorCode } from "../../store/errors.ts";
import type { Member } from "../../store/kv.ts";
import type { Store } from "../../store/store.ts";
import { MemberAddResponse } from "../../store/wire/admin-messages.ts";
import { memberIdOf } from "../identity.ts";
import type { PendingProposals } from "../pending.ts";
import type { RaftShell } from "../raft-shell.ts";
import type { MembershipConfig } from "./config.ts";
import { decodeForwarded } from "./forwarded.ts";
import { checkedPeerUrls } from "./peer-urls.ts";
import {
  awaitingVote,
  type Plan,
  planAdd,
  planPromote,
  planRemove,
  planUpdate,
  promoteInRaft,
  type Standing,
} from "./plan.ts";
import { type Connections, checkAdd, checkPromote, checkRemove } from "./reconfig-check.ts";

export interface LeaderOptions extends MembershipConfig {
  readonly clusterToken: string;
  /** Of a change with the list of all members: one entry of the log has to fit a message. */
  readonly requestBytesMax: number;
  /** Who asks waits so long; a change is not begun later. */
  readonly timeoutMs: number;
}

export interface LeaderModules {
  readonly raft: Raft;
  readonly shell: RaftShell;
  readonly store: Store;
  readonly pending: PendingProposals;
  readonly barrier: () => Promise<void>;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Somebody asked to promote a learner, which was done or refused. */
  readonly promoted?: (refusal: KvErrorCode | null) => void;
}

/** A learner is in sync when it has this part of the leader's log (etcd.md 7). */
const inSyncShare = 0.9;
/** A new voter gets its vote when it lacks no more entries than this: it then catches up within a heartbeat or two. */
const voteLagMax = 500;
/** How often a new voter is looked at. */
const voteCheckMs = 100;
/** How often a change looks whether the one before is applied. */
const settledLookMs = 20;
/** Changes that wait for their turn; more are refused. */
const changesWaitingMax = 100;

/** Rpcs that this answers. */
export const membershipRpcs = ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"] as const;
export type MembershipRpc = (typeof membershipRpcs)[number];

export function isMembershipRpc(name: string): name is MembershipRpc {
  return membershipRpcs.some((known) => known === name);
}

export class MembershipLeader {
  readonly #options: LeaderOptions;
  readonly #modules: LeaderModules;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: LeaderOptions, modules: LeaderModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Answers one rpc, encoded both ways (forwarded.ts). Throws KvError; `kv.not-leader` on anybody else. */
  answer(name: AdminRpc, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#waiting >= changesWaitingMax) return Promise.reject(new KvError("kv.too-many-requests"));
    this.#waiting++;
    const deadline = this.#modules.clock.now() + this.#options.timeoutMs;
    const answer = this.#turn.then(() => this.#answer(name, payload, deadline));
    this.#turn = answer.catch(() => {}).finally(() => this.#waiting--);
    return answer;
  }

  /** Members or leadership changed: gives votes that are due, now and until all are given. */
  consider(): void {
    const { shell, clock } = this.#modules;
    if (this.#closed || this.#timer || shell.role !== "leader" || this.#awaiting().length === 0) return;
    this.#timer = clock.at((clock.now() + voteCheckMs) as Instant, () => {
      this.#timer = null;
      this.#giveVote();
      this.consider();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #answer(name: AdminRpc, payload: Uint8Array, deadline: number): Promise<Uint8Array> {
    const { shell, barrier, store } = this.#modules;
    const { caller, request } = decodeForwarded(payload);
    const { term } = shell;
    if (shell.role !== "leader") throw new KvError("kv.not-leader");
    await barrier();
    await this.#settled(deadline);
    if (shell.role !== "leader" || shell.term !== term) throw new KvError("kv.leader-changed");
    // From here to the proposal nothing waits. To judge when the entry is applied would be too late: raft obeys it at once.
    store.auth.access.root(caller);
    switch (name) {
      case "MemberAdd": {
        const { peerURLs, isLearner } = adminRpcs.MemberAdd.request.decode(request);
        return this.#propose(this.#planAdd(checkedPeerUrls(peerURLs), isLearner));
      }
      case "MemberRemove":
        return this.#proposeList(
          this.#planRemove(MemberId(adminRpcs.MemberRemove.request.decode(request).ID)),
        );
      case "MemberUpdate": {
        const { ID, peerURLs } = adminRpcs.MemberUpdate.request.decode(request);
        return this.#proposeList(planUpdate(this.#standing(), MemberId(ID), checkedPeerUrls(peerURLs)));
      }
      case "MemberPromote": {
        const { ID } = adminRpcs.MemberPromote.request.decode(request);
        return this.#promote(MemberId(ID));
      }
      default:
        throw new KvError("kv.unimplemented", `${name} is no change of membership`);
    }
  }

  /**
   * The one before, perhaps a vote just given or a change whose client has gone, has to be committed, or raft refuses the next;
   * and applied here, or the next would be planned from a table without it, and undo it. Throws `kv.timeout`.
   */
  async #settled(deadline: number): Promise<void> {
    const { raft, store, clock } = this.#modules;
    for (;;) {
      if (this.#closed || clock.now() >= deadline) throw new KvError("kv.timeout");
      if (raft.configurations.inForceSince <= store.appliedIndex) return;
      await new Promise<void>((resolve) => {
        clock.at((clock.now() + settledLookMs) as Instant, resolve);
      });
    }
  }

  #planAdd(peerURLs: string[], isLearner: boolean): Plan {
    const standing = this.#standing();
    if (this.#options.strictReconfigCheck) checkAdd(standing.members, isLearner, this.#modules.connections);
    const added: Member = { ID: this.#freeId(peerURLs), name: "", peerURLs, clientURLs: [], isLearner };
    return planAdd(standing, added, this.#options.learnersMax);
  }

  #planRemove(id: MemberId): Plan {
    const standing = this.#standing();
    if (this.#options.strictReconfigCheck) checkRemove(standing.members, id, this.#modules.connections);
    return planRemove(standing, id);
  }

  async #promote(id: MemberId): Promise<Uint8Array> {
    const { promoted } = this.#modules;
    try {
      const answer = await this.#proposeList(this.#planPromote(id));
      promoted?.(null);
      return answer;
    } catch (error) {
      promoted?.(error instanceof KvError ? error.code : "kv.unknown");
      throw error;
    }
  }

  #planPromote(id: MemberId): Plan {
    const { raft, store } = this.#modules;
    const standing = this.#standing();
    const plan = planPromote(standing, id);
    const match = raft.progress.get(id)?.match ?? 0;
    const isInSync = match >= raft.log.lastIndex * inSyncShare;
    if (!isInSync || !isStarted(store.members.get(id))) throw new KvError("kv.learner-not-ready");
    if (this.#options.strictReconfigCheck) checkPromote(standing.members);
    return plan;
  }

  /** From the URLs, the token and the time (etcd.md 1); a second later if that one is or was somebody's. */
  #freeId(peerURLs: readonly string[]): MemberId {
    const { clock, store } = this.#modules;
    let seconds = Math.floor(clock.wallMs() / 1000);
    for (;;) {
      const id = memberIdOf(peerURLs, `${this.#options.clusterToken}${seconds++}`);
      if (store.members.get(id) === undefined && !store.members.isRemoved(id)) return id;
    }
  }

  async #proposeList(plan: Plan): Promise<Uint8Array> {
    const { members } = MemberAddResponse.decode(await this.#propose(plan));
    return adminRpcs.MemberRemove.response.encode({ members });
  }

  /** The answer of MemberAdd, once the entry is applied here. */
  async #propose({ change, configuration }: Plan): Promise<Uint8Array> {
    const { pending, shell, clock } = this.#modules;
    const kind = "member-change";
    const body = encodeRequest(kind, change);
    const wallMs = clock.wallMs();
    if (body.length > this.#options.requestBytesMax) throw new KvError("kv.request-too-large");
    const response = await pending.submit<MemberAddResponse>(
      (requestId) => encodeConfiguration(configuration, encodeCommand({ kind, requestId, wallMs }, body)),
      undefined,
      (data) => shell.propose(data, "configuration"),
    );
    return MemberAddResponse.encode(response);
  }

  /** One new voter that has the log becomes one; at the next look the next. */
  #giveVote(): void {
    const { raft, shell, store, logger } = this.#modules;
    // A change that has planned already must find the configuration that it planned with.
    if (shell.role !== "leader" || this.#waiting > 0) return;
    const { inForce } = raft.configurations;
    const ready = this.#awaiting().find((id) => {
      const progress = raft.progress.get(id);
      const isHeard = progress !== undefined && progress.heardAt + raft.limits.electionMs > raft.now;
      return (
        isHeard &&
        isStarted(store.members.get(id)) &&
        progress.match > 0 &&
        progress.match + voteLagMax >= raft.log.lastIndex
      );
    });
    if (ready === undefined) return;
    logger.info({ member: hex(ready) }, "new member has the log and gets its vote");
    shell.propose(encodeConfiguration(promoteInRaft(inForce, ready)), "configuration");
  }

  #awaiting(): MemberId[] {
    const { raft, store } = this.#modules;
    return awaitingVote(store.members.list(), raft.configurations.inForce);
  }

  #standing(): Standing {
    const { store, raft } = this.#modules;
    return {
      members: store.members.list(),
      isRemoved: (id) => store.members.isRemoved(id),
      configuration: raft.configurations.inForce,
    };
  }
}

/**
 * Only a member that has told its name may get a vote. One that loses its data before may begin anew with the same id
 * (join.ts), and must not have voted, nor counted for a commit, with what it lost.
 */
function isStarted(member: Member | undefined): boolean {
  return member !== undefined && member.name !== "";
}
