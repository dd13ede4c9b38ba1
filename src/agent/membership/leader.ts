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
import { KvError } from "../../store/errors.ts";
import type { Member } from "../../store/kv.ts";
import type { Store } from "../../store/store.ts";
import { MemberAddResponse } from "../../store/wire/admin-messages.ts";
import { memberIdOf } from "../identity.ts";
import type { PendingProposals } from "../pending.ts";
import type { RaftShell } from "../raft-shell.ts";
import type { MembershipConfig } from "./config.ts";
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

export interface LeaderModules {
  /** A learner was promoted at somebody's request. */
  readonly promoted?: () => void;
  readonly raft: Raft;
  readonly shell: RaftShell;
  readonly store: Store;
  readonly pending: PendingProposals;
  readonly barrier: () => Promise<void>;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A learner is in sync when it has this part of the leader's log (etcd.md 7). */
const inSyncShare = 0.9;
/** A new voter gets its vote when it lacks no more entries than this: it then catches up within a heartbeat or two. */
const voteLagMax = 500;
/** How often a new voter is looked at. */
const voteCheckMs = 100;
/** How often, and how many times, a change looks whether the one before is committed: 5 seconds. */
const settledLookMs = 20;
const settledLooksMax = 250;
/** Changes that wait for their turn; more are refused. */
const changesWaitingMax = 100;

/** Rpcs that this answers. */
export const membershipRpcs = ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"] as const;
export type MembershipRpc = (typeof membershipRpcs)[number];

export function isMembershipRpc(name: string): name is MembershipRpc {
  return membershipRpcs.some((known) => known === name);
}

export class MembershipLeader {
  readonly #options: MembershipConfig & { readonly clusterToken: string };
  readonly #modules: LeaderModules;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: MembershipConfig & { readonly clusterToken: string }, modules: LeaderModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Answers one rpc, encoded both ways. Throws KvError; `kv.not-leader` on anybody else. */
  answer(name: AdminRpc, body: Uint8Array): Promise<Uint8Array> {
    if (this.#waiting >= changesWaitingMax) return Promise.reject(new KvError("kv.too-many-requests"));
    this.#waiting++;
    const answer = this.#turn.then(() => this.#answer(name, body));
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

  async #answer(name: AdminRpc, body: Uint8Array): Promise<Uint8Array> {
    const { shell, barrier } = this.#modules;
    if (shell.role !== "leader") throw new KvError("kv.not-leader");
    await barrier();
    await this.#settled();
    if (shell.role !== "leader") throw new KvError("kv.leader-changed");
    switch (name) {
      case "MemberAdd": {
        const { peerURLs, isLearner } = adminRpcs.MemberAdd.request.decode(body);
        return this.#propose(this.#planAdd(checkedPeerUrls(peerURLs), isLearner));
      }
      case "MemberRemove":
        return this.#proposeList(this.#planRemove(MemberId(adminRpcs.MemberRemove.request.decode(body).ID)));
      case "MemberUpdate": {
        const { ID, peerURLs } = adminRpcs.MemberUpdate.request.decode(body);
        return this.#proposeList(planUpdate(this.#standing(), MemberId(ID), checkedPeerUrls(peerURLs)));
      }
      case "MemberPromote":
        return this.#proposeList(
          this.#planPromote(MemberId(adminRpcs.MemberPromote.request.decode(body).ID)),
        ).then((answer) => {
          this.#modules.promoted?.();
          return answer;
        });
      default:
        throw new KvError("kv.unimplemented", `${name} is no change of membership`);
    }
  }

  /** Raft takes a change only when the one before is committed, and that may be a vote just given. Throws `kv.timeout`. */
  async #settled(): Promise<void> {
    const { raft, clock } = this.#modules;
    for (let looks = 0; raft.configurations.inForceSince > raft.commit; looks++) {
      if (this.#closed || looks >= settledLooksMax) throw new KvError("kv.timeout");
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

  #planPromote(id: MemberId): Plan {
    const { raft } = this.#modules;
    const standing = this.#standing();
    const plan = planPromote(standing, id);
    const match = raft.progress.get(id)?.match ?? 0;
    if (match < raft.log.lastIndex * inSyncShare) throw new KvError("kv.learner-not-ready");
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
    const response = await pending.submit<MemberAddResponse>(
      (requestId) => encodeConfiguration(configuration, encodeCommand({ kind, requestId, wallMs }, body)),
      undefined,
      (data) => shell.propose(data, "configuration"),
    );
    return MemberAddResponse.encode(response);
  }

  /** One new voter that has the log becomes one; at the next look the next. */
  #giveVote(): void {
    const { raft, shell, logger } = this.#modules;
    // A change that has planned already must find the configuration that it planned with.
    if (shell.role !== "leader" || this.#waiting > 0) return;
    const { inForce } = raft.configurations;
    const ready = this.#awaiting().find((id) => {
      const progress = raft.progress.get(id);
      const isHeard = progress !== undefined && progress.heardAt + raft.limits.electionMs > raft.now;
      return isHeard && progress.match > 0 && progress.match + voteLagMax >= raft.log.lastIndex;
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
