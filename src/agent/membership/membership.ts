/**
 * Membership at run time (etcd.md 7) as the server holds it: the rpcs, whoever receives them; what follows when the table of
 * members changes (other peers to talk to, new voters); and the end of a member that was removed.
 */
import { hex, type Instant, MemberId } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import type { Scope } from "../../base/scope.ts";
import type { PeerTransport } from "../../host/peer/transport.ts";
import type { Raft } from "../../raft/raft.ts";
import type { AdminHandler, AdminHandlers, AdminRpc } from "../../store/admin.ts";
import type { KvErrorCode } from "../../store/errors.ts";
import type { Store } from "../../store/store.ts";
import type { Member } from "../member.ts";
import { encodeError, encodeResult } from "../peer-calls.ts";
import type { PendingProposals } from "../pending.ts";
import type { RaftShell } from "../raft-shell.ts";
import { askLeader } from "./ask-leader.ts";
import { isMembershipRpc, type LeaderOptions, MembershipLeader, type MembershipRpc } from "./leader.ts";
import { checkedPeerUrls } from "./peer-urls.ts";

/** A peer counts as healthy when it has been connected for so long (etcd.md 7). */
const healthyAfterMs = 5000;
/** From a removal to the end of the member and of the connections with it, so that answers and the commit index get out. */
const graceMs = 1000;

export interface MembershipOptions extends LeaderOptions {
  readonly self: MemberId;
  /** It came to a cluster that ran already. */
  readonly joined: boolean;
}

export interface MembershipModules {
  readonly raft: Raft;
  readonly shell: RaftShell;
  readonly store: Store;
  readonly pending: PendingProposals;
  readonly kv: Member;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This member is none any more, and has stopped to serve. The process has nothing left to do. */
  readonly removed: () => void;
  /** Called at the leader when somebody asked to promote a learner, which was done or refused. */
  readonly promoted?: (refusal: KvErrorCode | null) => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #modules: MembershipModules;
  readonly #leader: MembershipLeader;
  #version = -1;
  #ending: Timer | null = null;
  /** The other members with their URLs, and those whom the transport has: also who left a moment ago. */
  #others: ReadonlyMap<MemberId, readonly string[]> = new Map();
  #peers: ReadonlyMap<MemberId, readonly string[]> = new Map();
  #parting: Timer | null = null;
  readonly handlers: Pick<AdminHandlers, MembershipRpc>;

  constructor(options: MembershipOptions, modules: MembershipModules) {
    this.#options = options;
    this.#modules = modules;
    const { kv } = modules;
    this.#leader = new MembershipLeader(options, {
      ...modules,
      barrier: () => kv.barrier(),
      connections: {
        isHealthy: (member) => this.#isConnectedFor(member, healthyAfterMs),
        isConnected: (member) => this.#isConnectedFor(member, 0),
      },
    });
    this.handlers = {
      MemberAdd: (request, call) => {
        checkedPeerUrls(request.peerURLs);
        return this.#ask("MemberAdd")(request, call);
      },
      MemberRemove: this.#ask("MemberRemove"),
      MemberUpdate: (request, call) => {
        checkedPeerUrls(request.peerURLs);
        return this.#ask("MemberUpdate")(request, call);
      },
      MemberPromote: this.#ask("MemberPromote"),
    };
  }

  /**
   * It has not told its name yet, so its state may be older than the member itself: empty at first, then the cluster's history.
   * What it says would be stale beyond what a client of a running cluster has to expect.
   */
  get isJoining(): boolean {
    const { self, joined } = this.#options;
    return joined && !this.#modules.store.members.get(self)?.name;
  }

  /** Whether it answers only what a learner does (etcd.md 1): it is one, or joins and cannot know yet what it is. */
  get isLearner(): boolean {
    const { members } = this.#modules.store;
    const own = members.get(this.#options.self);
    if (own !== undefined) return own.isLearner || this.isJoining;
    // Without any member the table is being replaced by a snapshot's.
    return members.list().length > 0 && !members.isRemoved(this.#options.self);
  }

  /** Begins to talk to the members that are known, and to follow changes. */
  start(scope: Scope): void {
    const { shell } = this.#modules;
    scope.defer(() => {
      this.#leader.close();
      this.#ending?.cancel();
      this.#parting?.cancel();
    });
    shell.onLeaderChange(() => this.#leader.consider());
    this.tableChanged();
  }

  /** The table of members may be another one now: entries were applied, or a snapshot was installed. */
  tableChanged(): void {
    const { store } = this.#modules;
    if (store.members.version === this.#version) return;
    this.#version = store.members.version;
    const { self } = this.#options;
    if (store.members.isRemoved(self)) {
      this.end();
      return;
    }
    const others = store.members.list().filter((member) => member.ID !== self);
    this.#others = new Map(others.map((member) => [MemberId(member.ID), member.peerURLs]));
    this.#connect();
    this.#leader.consider();
  }

  /** Who left may still be owed the answer to the call that removed it, or owe us one. */
  #connect(): void {
    const { clock, store, transport } = this.#modules;
    this.#peers = new Map([...this.#peers, ...this.#others]);
    transport.setPeers(this.#peers);
    if (this.#peers.size === this.#others.size) return;
    this.#parting?.cancel();
    this.#parting = clock.at((clock.now() + graceMs) as Instant, () => {
      this.#peers = this.#others;
      transport.setPeers(this.#peers);
      transport.disconnect((peer) => store.members.isRemoved(peer));
    });
  }

  /** This member was removed: stops to serve after a moment, for good. */
  end(): void {
    if (this.#ending) return;
    const { clock, logger, kv, pending, shell, removed } = this.#modules;
    logger.error({ member: hex(this.#options.self) }, "this member was removed from the cluster; it stops");
    this.#ending = clock.at((clock.now() + graceMs) as Instant, () => {
      kv.close();
      pending.close();
      void shell.close().then(removed);
    });
  }

  /** Answers another member that passes a client's request on; null for other calls. */
  answerPeer(method: string, payload: Uint8Array): Promise<Uint8Array> | null {
    if (!isMembershipRpc(method)) return null;
    return this.#leader.answer(method, payload).then(encodeResult, encodeError);
  }

  #ask<Name extends MembershipRpc>(name: Name): AdminHandler<Name> {
    const { shell, kv, transport } = this.#modules;
    const { self, timeoutMs } = this.#options;
    return (request, call) =>
      askLeader(name, request, call, {
        self,
        timeoutMs,
        leader: () => shell.leader,
        barrier: (signal) => kv.barrier(signal),
        answer: (rpc: AdminRpc, forwarded) => this.#leader.answer(rpc, forwarded),
        call: (to, method, payload, signal) => transport.call(to, method, payload, signal),
      });
  }

  #isConnectedFor(member: MemberId, ms: number): boolean {
    if (member === this.#options.self) return true;
    const { transport, clock } = this.#modules;
    const since = transport.active().get(member)?.connectedSince;
    return since !== undefined && clock.now() - since >= ms;
  }
}
