/** The status as tables for people. */
import type { AgentStatus, SubnetStatus } from "../../api/agent/status.ts";
import { metadataText } from "../machine/list.ts";
import { table } from "../table.ts";

/** A paragraph about the cluster, then one table each; a part that has nothing says so in one line. */
export function screen(status: AgentStatus): string {
  const { self, cluster, problems } = status;
  const leader = status.members.find((member) => member.leader);
  const leads = leader ? leader.name || leader.id : (cluster.leader ?? "none");
  const head = [
    `${self.name} (${self.role}${self.memberId ? ` ${self.memberId}` : ""}, version ${self.version})`,
    `cluster ${cluster.id}, leader ${leads}, term ${cluster.term}, revision ${cluster.revision}`,
    ...problems.map((problem) => `problem: ${problem}`),
  ].join("\n");
  return [`${head}\n`, members(status), machines(status), units(status), subnetTable(status.subnets)].join(
    "\n",
  );
}

function members({ members: list }: AgentStatus): string {
  if (list.length === 0) return "no members\n";
  const rows = list.map((member) => [
    member.name,
    member.id,
    member.leader ? "leader" : member.isLearner ? "learner" : "follower",
    member.peerURLs.join(","),
    member.clientURLs.join(","),
    member.reachable === null ? "" : member.reachable ? "yes" : "no",
  ]);
  return table(["MEMBER", "ID", "ROLE", "PEER URLS", "CLIENT URLS", "REACHABLE"], rows);
}

function machines({ machines: list }: AgentStatus): string {
  if (list.length === 0) return "no machines\n";
  const rows = list.map((machine) => [
    machine.name,
    machine.id.slice(0, 8),
    machine.ip,
    machine.state,
    `${(machine.lastReportMs / 1000).toFixed(1)}s ago`,
    String(machine.units),
    metadataText(machine.metadata),
  ]);
  return table(["MACHINE", "ID", "IP", "STATE", "REPORTED", "UNITS", "METADATA"], rows);
}

function units({ units: list, machines: hosts }: AgentStatus): string {
  if (list.length === 0) return "no units\n";
  const names = new Map(hosts.map((machine) => [machine.id, machine.name]));
  const rows = list.map((unit) => [
    unit.name,
    unit.desired,
    unit.current,
    names.get(unit.machine) ?? unit.machine.slice(0, 8),
    unit.active,
    unit.sub,
  ]);
  return table(["UNIT", "DESIRED", "CURRENT", "MACHINE", "ACTIVE", "SUB"], rows);
}

/** The subnet leases; this host's own is marked. */
export function subnetTable(subnets: readonly SubnetStatus[]): string {
  if (subnets.length === 0) return "no subnets\n";
  const rows = subnets.map((subnet) => [
    subnet.subnet,
    subnet.publicIp,
    subnet.backend,
    subnet.self ? "this host" : "",
  ]);
  return table(["SUBNET", "PUBLIC IP", "BACKEND", "SELF"], rows);
}
