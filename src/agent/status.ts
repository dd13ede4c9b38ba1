/** Gathers what `agent status` shows from the parts of this agent (api/agent/status.ts says what each field means). */
import type { AgentStatus, MemberStatus, StatusSource, SubnetStatus } from "../api/agent/status.ts";
import { messageOf } from "../base/errors.ts";
import { hex, type MemberId } from "../base/ids.ts";
import { agentVersion } from "../base/version.ts";
import type { KvClient } from "../store/kv.ts";
import type { NetworkModule } from "./network/module.ts";
import type { Server } from "./server.ts";
import type { UnitsOfAgent } from "./units-of-agent.ts";

export class StatusGatherer implements StatusSource {
  readonly #self: { readonly name: string; readonly role: "server" | "worker" };
  readonly #kv: KvClient;
  readonly #server: Server | null;
  readonly #units: () => UnitsOfAgent | null;
  readonly #network: () => NetworkModule | null;

  /** `units` and `network` start after the API does; null until then. */
  constructor(
    options: { name: string; role: "server" | "worker" },
    modules: {
      kv: KvClient;
      server: Server | null;
      units: () => UnitsOfAgent | null;
      network: () => NetworkModule | null;
    },
  ) {
    this.#self = options;
    this.#kv = modules.kv;
    this.#server = modules.server;
    this.#units = modules.units;
    this.#network = modules.network;
  }

  async status(signal: AbortSignal): Promise<AgentStatus> {
    const problems: string[] = [];
    const [cluster, units] = await Promise.all([this.#cluster(signal, problems), this.#unitStatus(problems)]);
    const network = this.#network();
    const networkProblem = network?.status().problem;
    if (networkProblem) problems.push(`network: ${networkProblem}`);
    return {
      self: {
        ...this.#self,
        memberId: this.#server ? hex(this.#server.identity.memberId) : "",
        version: agentVersion,
      },
      ...cluster,
      ...units,
      subnets: (network?.leases() ?? []).map(
        (lease): SubnetStatus => ({
          subnet: lease.subnet,
          publicIp: lease.publicIp,
          backend: lease.backend,
          self: lease.self,
        }),
      ),
      problems,
    };
  }

  async #cluster(signal: AbortSignal, problems: string[]): Promise<Pick<AgentStatus, "cluster" | "members">> {
    const status = await this.#kv.status({}, { signal });
    const list = await this.#kv.memberList({}, { signal });
    const leader = status.leader === 0n ? null : status.leader;
    if (leader === null)
      problems.push("store: no leader; is a majority of the members running and reachable?");
    // Alarms: NOSPACE refuses writes, CORRUPT everything (etcd.md 8.1).
    for (const error of status.errors.filter((text) => text.includes("alarm:"))) {
      problems.push(`store: ${error.trim()}; see docs/operating.md, "Space"`);
    }
    return {
      cluster: {
        id: hex(status.header?.cluster_id ?? 0n),
        leader: leader === null ? null : hex(leader),
        term: Number(status.raftTerm),
        raftIndex: status.raftIndex,
        revision: status.header?.revision ?? 0,
      },
      members: list.members.map(
        (member): MemberStatus => ({
          id: hex(member.ID),
          name: member.name,
          peerURLs: member.peerURLs,
          clientURLs: member.clientURLs,
          isLearner: member.isLearner,
          leader: member.ID === leader,
          reachable: this.#reachable(member.ID as MemberId),
        }),
      ),
    };
  }

  #reachable(member: MemberId): boolean | null {
    if (!this.#server) return null;
    return member === this.#server.identity.memberId || this.#server.transport.active().has(member);
  }

  async #unitStatus(problems: string[]): Promise<Pick<AgentStatus, "machines" | "units">> {
    const units = this.#units();
    if (!units) return { machines: [], units: [] };
    if (units.problem) problems.push(`units: ${units.problem}`);
    try {
      const { problem, ...status } = await units.status();
      if (problem) problems.push(`units: ${problem}`);
      return status;
    } catch (error) {
      problems.push(`units: ${messageOf(error)}`);
      return { machines: [], units: [] };
    }
  }
}
