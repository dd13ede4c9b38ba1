/**
 * Where the unit engine runs, for the machines that report to it: at the raft leader, whichever way this agent knows it;
 * with an external etcd at the holder of an election (kv-election.ts). The interface is agent/units/ports.ts.
 */
import type { MemberId } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
import type { KvClient } from "../store/kv.ts";
import type { LeaderLocator } from "./units/ports.ts";

type Leader = NonNullable<Awaited<ReturnType<LeaderLocator["leader"]>>>;

/** What the locator reads of a server. */
export interface LeaderKnowledge {
  readonly identity: { readonly memberId: MemberId };
  readonly shell: { readonly leader: MemberId | null };
  readonly store: {
    readonly members: { get(id: MemberId): { readonly clientURLs: readonly string[] } | undefined };
  };
}

/** A server knows its leader, and where its members serve clients. */
export class MemberLeaderLocator implements LeaderLocator {
  readonly #server: LeaderKnowledge;

  constructor(server: LeaderKnowledge) {
    this.#server = server;
  }

  async leader(): Promise<Leader | null> {
    const { leader } = this.#server.shell;
    if (leader === null) return null;
    const url = this.#server.store.members.get(leader)?.clientURLs[0];
    const self = leader === this.#server.identity.memberId;
    // The leader need not know its own URL to know that it leads.
    return url === undefined && !self ? null : { url: url ?? "", self };
  }
}

/** A worker asks a server who leads when its knowledge is older than this. */
const knowledgeMs = 1000;

/** What a worker knows of the leader: the last answer of a server, renewed in the background whenever it is asked for. */
export class RemoteLeaderLocator implements LeaderLocator {
  readonly #kv: KvClient;
  readonly #clock: Clock;
  #known: Leader | null = null;
  #asking: Promise<void> | null = null;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(modules: { kv: KvClient; clock: Clock }) {
    this.#kv = modules.kv;
    this.#clock = modules.clock;
  }

  async leader(): Promise<Leader | null> {
    if (this.#clock.now() >= this.#freshUntil) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null;
      });
      if (this.#known === null) await this.#asking;
    }
    return this.#known;
  }

  async #ask(): Promise<void> {
    try {
      const status = await this.#kv.status({});
      const { members } = await this.#kv.memberList({});
      const url = members.find((member) => member.ID === status.leader)?.clientURLs[0];
      this.#known = url === undefined ? null : { url, self: false };
    } catch {
      this.#known = null;
    }
    this.#freshUntil = this.#clock.now() + knowledgeMs;
  }
}
