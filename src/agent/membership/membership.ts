/**
 * Membership at run time (etcd.md 7) as the server holds it: the rpcs, whoever receives them; what follows when the table of
 * members changes (other peers to talk to, new voters); and the end of a member that was removed.
 */
import { hex, type Instant, MemberId } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { Scope } from "../../base/scope.ts";
import type { PeerTransport } from "../../host/peer/transport.ts";
import type { Raft } from "../../raft/raft.ts";
import type { AdminHandler, AdminHandlers, AdminRpc } from "../../store/admin.ts";
import type { Store } from "../../store/store.ts";
import type { Member } from "../member.ts";
import { encodeError, encodeResult } from "../peer-calls.ts";
import type { PendingProposals } from "../pending.ts";
import type { RaftShell } from "../raft-shell.ts";
import { askLeader } from "./ask-leader.ts";
import type { MembershipConfig } from "./config.ts";
import { isMembershipRpc, MembershipLeader, type MembershipRpc } from "./leader.ts";
import { checkedPeerUrls } from "./peer-urls.ts";

/** A peer counts as healthy when it has been connected for so long (etcd.md 7). */
const healthyAfterMs = 5000;
/** From the removal to the end, so that the answer and the commit index get out. */
const graceMs = 1000;

export interface MembershipOptions extends MembershipConfig {
  readonly self: MemberId;
  readonly clusterToken: string;
  readonly timeoutMs: number;
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
  /** Called at the leader when a learner was promoted. */
  readonly promoted?: () => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #modules: MembershipModules;
  readonly #leader: MembershipLeader;
  #version = -1;
  #ending = false;
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

  /** Begins to talk to the members that are known, and to follow changes. */
  start(scope: Scope): void {
    const { shell } = this.#modules;
    scope.defer(() => this.#leader.close());
    shell.onLeaderChange(() => this.#leader.consider());
    this.tableChanged();
  }

  /** The table of members may be another one now: entries were applied, or a snapshot was installed. */
  tableChanged(): void {
    const { store, transport } = this.#modules;
    if (store.members.version === this.#version) return;
    this.#version = store.members.version;
    const { self } = this.#options;
    if (store.members.isRemoved(self)) {
      this.end();
      return;
    }
    const others = store.members.list().filter((member) => member.ID !== self);
    transport.setPeers(new Map(others.map((member) => [MemberId(member.ID), member.peerURLs])));
    transport.disconnect((peer) => store.members.isRemoved(peer));
    this.#leader.consider();
  }

  /** This member was removed: stops to serve after a moment, for good. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    const { clock, logger, kv, shell, removed } = this.#modules;
    logger.error({ member: hex(this.#options.self) }, "this member was removed from the cluster; it stops");
    clock.at((clock.now() + graceMs) as Instant, () => {
      kv.close();
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
        answer: (rpc: AdminRpc, body) => this.#leader.answer(rpc, body),
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
