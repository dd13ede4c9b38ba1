/** The operator's endpoints of this agent (etcd.md section 13): what they ask, and the listeners for monitoring alone. */
import fastify from "fastify";
import type { AlarmName } from "../../api/ops/health.ts";
import { monitorPlugin, type OpsModules } from "../../api/ops/plugin.ts";
import { ListenError } from "../../api/transport/errors.ts";
import { errnoOf, messageOf } from "../../base/errors.ts";
import type { Clock } from "../../base/ports.ts";
import type { KvClient } from "../../store/kv.ts";
import { AlarmType } from "../../store/wire/admin-messages.ts";
import type { ListenAddress } from "../config.ts";
import type { MetricsOfAgent } from "../metrics.ts";
import type { Server } from "../server.ts";

const alarmNames: ReadonlyMap<number, AlarmName> = new Map([
  [AlarmType.NOSPACE, "NOSPACE"],
  [AlarmType.CORRUPT, "CORRUPT"],
]);

/** An agent without a raft member knows no alarms and no leader: a read at its server tells of both. */
export function opsOf(modules: {
  readonly kv: KvClient;
  readonly server: Server | null;
  readonly metrics: MetricsOfAgent;
  readonly clock: Clock;
}): OpsModules {
  const { kv, server, metrics, clock } = modules;
  const alarms = (): AlarmName[] =>
    (server?.store.alarms.list() ?? []).flatMap(({ alarm }) => alarmNames.get(alarm) ?? []);
  return {
    kv,
    clock,
    alarms,
    registry: metrics.registry,
    observer: metrics.health,
    hasLeader: () => server === null || server.shell.leader !== null,
    clusterDecided: () => server === null || server.shell.leaderChanges > 0,
    raftStatus: () => server?.raftStatus() ?? null,
  };
}

/** Serves the monitoring endpoints on addresses of their own. Returns how to stop. Throws ListenError; nothing is open then. */
export async function openMonitors(
  listen: readonly ListenAddress[],
  modules: OpsModules,
): Promise<() => Promise<void>> {
  const apps: { close(): Promise<unknown> }[] = [];
  const close = async (): Promise<void> => void (await Promise.all(apps.map((app) => app.close())));
  try {
    for (const { host, port } of listen) {
      const app = fastify({ logger: false, forceCloseConnections: true });
      apps.push(app);
      await app.register(monitorPlugin(modules));
      await app.listen({ host, port }).catch((error: unknown) => {
        const text = `cannot listen on ${host}:${port} (${errnoOf(error) ?? messageOf(error)}): check --listen-metrics-urls`;
        throw new ListenError(text, { code: "listen.failed", host, port, errno: errnoOf(error) });
      });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}
