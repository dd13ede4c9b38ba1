/**
 * The built executable on the hosts of a lab: one systemd service per host, restarted whenever it ends. Everything is
 * asked through the executable's own commands or Debian's etcdctl, as a user would.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { AgentStatus } from "../../src/api/agent/status.ts";
import { type Host, type Lab, skipReason as labSkipReason, until } from "./hosts.ts";

/** The executable on this machine; hosts see this machine's files, so it has the same path there. */
export const executable = resolve(import.meta.dirname, "../../dist/agent");

/** The agent TTL of the lab's clusters, in seconds: short, so that tests need not wait half a minute. */
export const agentTtlSeconds = 5;

/** Why no cluster can be made here, or undefined. */
export async function skipReason(): Promise<string | undefined> {
  const reason = await labSkipReason();
  if (reason) return reason;
  if (!existsSync(executable)) return "dist/agent is not there; make it with: npm run build";
  if (!existsSync("/usr/bin/etcdctl")) return "the ride needs Debian's etcdctl (package etcd-client)";
  return undefined;
}

function service(host: Host, hosts: readonly Host[]): string {
  const initial = hosts.map(({ name, ip }) => `${name}=http://${ip}:2380`).join(",");
  const flags = [
    `--name ${host.name}`,
    "--data-dir /var/lib/argosy",
    `--initial-cluster ${initial}`,
    `--agent-ttl ${agentTtlSeconds}s`,
    `--metadata host=${host.name}`,
    "--log-level debug",
  ];
  return `[Unit]
Description=Argosy agent
StartLimitIntervalSec=0

[Service]
ExecStart=${executable} run ${flags.join(" ")}
StandardOutput=append:/var/log/argosy.log
StandardError=append:/var/log/argosy.log
KillMode=process
Restart=always
RestartSec=200ms
`;
}

/** A program that a unit can run: while it lives it adds a line with its start's id and the time, 20 times a second. */
const beat = `#!/bin/bash
while :; do echo "$INVOCATION_ID $EPOCHREALTIME" >>/var/beat-$1; sleep 0.05; done
`;

export class Cluster {
  readonly lab: Lab;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Hosts that are on. */
  get hosts(): readonly Host[] {
    return this.lab.hosts.filter((host) => host.on);
  }

  /** Starts the agent on every host and waits until all of them name the same leader. */
  async start(): Promise<void> {
    for (const host of this.hosts) {
      host.write("/etc/systemd/system/argosy.service", service(host, this.lab.hosts));
      host.write("/usr/local/bin/beat", beat);
      await host.must("chmod +x /usr/local/bin/beat");
    }
    await Promise.all(this.hosts.map((host) => this.startAgent(host)));
    await this.leader();
  }

  async startAgent(host: Host): Promise<void> {
    await host.must("systemctl daemon-reload && systemctl start argosy");
  }

  /** `agent WORDS` in a host; gives its standard output, rejects for an exit code other than 0. */
  agent(host: Host, ...words: readonly string[]): Promise<string> {
    return host.must([executable, ...words]);
  }

  /** Debian's etcdctl in `from`, speaking to `to`. */
  etcdctl(from: Host, to: Host, line: string, input = ""): Promise<string> {
    const command = `ETCDCTL_API=3 etcdctl --endpoints http://${to.ip}:2379 ${line}`;
    return from.must(command, { input, timeout: 30_000 });
  }

  /** What the host's own agent says; undefined while it does not answer. */
  async status(host: Host): Promise<AgentStatus | undefined> {
    const outcome = await host.exec([executable, "status", "-o", "json"]);
    return outcome.code === 0 ? (JSON.parse(outcome.stdout) as AgentStatus) : undefined;
  }

  /** The host whose member leads, once all running agents agree. */
  leader(): Promise<Host> {
    return until(
      "all agents name one leader",
      async () => {
        const all = await Promise.all(this.hosts.map((host) => this.status(host)));
        const leaders = new Set(all.map((status) => status?.cluster.leader ?? null));
        const [id] = leaders;
        if (leaders.size !== 1 || !id) return undefined;
        const name = all[0]?.members.find((member) => member.id === id)?.name;
        return this.hosts.find((host) => host.name === name);
      },
      { withinMs: 30_000, everyMs: 100 },
    );
  }

  /** kill -9 of the agent alone; systemd starts it again. */
  async killAgent(host: Host): Promise<void> {
    await host.must("systemctl kill --signal=KILL --kill-whom=main argosy");
  }

  /** The host where the unit runs, once the cluster says that it is active. */
  runsOn(unit: string, from: Host, withinMs: number, except?: Host): Promise<Host> {
    return until(
      `${unit} is active${except ? ` elsewhere than on ${except.name}` : ""}`,
      async () => {
        const found = (await this.status(from))?.units.find(({ name }) => name === unit);
        if (found?.active !== "active") return undefined;
        const host = this.lab.hosts.find(({ machineId }) => machineId === found.machine);
        return host !== except ? host : undefined;
      },
      { withinMs, everyMs: 100 },
    );
  }

  /** All logs, for a failed test's report. */
  logs(): string {
    return this.lab.hosts
      .map((host) => {
        try {
          return `--- ${host.name}\n${host.read("/var/log/argosy.log").split("\n").slice(-40).join("\n")}`;
        } catch {
          return `--- ${host.name}: no log`;
        }
      })
      .join("\n");
  }
}
