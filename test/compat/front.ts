/** Our whole client port (gRPC and HTTP on one listener) over any KvClient, on a free loopback port. */
import fastify from "fastify";
import { ServerAdmin } from "../../src/agent/admin.ts";
import { ClientListener } from "../../src/api/listener.ts";
import { grpcMetrics } from "../../src/api/ops/grpc-metrics.ts";
import { healthMetrics } from "../../src/api/ops/health-metrics.ts";
import { MetricRegistry } from "../../src/api/ops/metric-registry.ts";
import { opsPlugin } from "../../src/api/ops/plugin.ts";
import { processMetrics } from "../../src/api/ops/process-metrics.ts";
import { DirectGrpcServer } from "../../src/api/transport/direct-grpc-server.ts";
import { gateElsewhere } from "../../src/api/v3/gate.ts";
import { v3Methods } from "../../src/api/v3/methods.ts";
import { silent } from "../../src/base/ports.ts";
import type { AdminClient } from "../../src/store/admin.ts";
import { type KvClient, KvError } from "../../src/store/kv.ts";
import { systemClock } from "./clock.ts";
import type { Target } from "./etcd.ts";

/** For a store without admin rpcs: each is unimplemented. */
const noAdmin = new ServerAdmin({
  handlers: {},
  snapshot: () => {
    throw new KvError("kv.unimplemented", "method Snapshot not implemented");
  },
  header: () => ({ cluster_id: 0n, member_id: 0n, revision: 0, raft_term: 0n }),
});

export async function startFront(
  kv: KvClient,
  options: { port?: number; admin?: AdminClient } = {},
): Promise<Target> {
  const registry = new MetricRegistry();
  const stopMetrics = processMetrics(registry, systemClock);
  const methods = v3Methods({ kv, admin: options.admin ?? noAdmin, gate: gateElsewhere });
  const modules = { clock: systemClock, logger: silent, observer: grpcMetrics(registry, methods) };
  const grpc = new DirectGrpcServer({ methods }, modules);
  const app = fastify();
  const facts = {
    hasLeader: () => true,
    clusterDecided: () => true,
    alarms: () => [],
    raftStatus: () => null,
    observer: healthMetrics(registry),
  };
  await app.register(opsPlugin({ kv, clock: systemClock, registry, ...facts }));
  await app.ready();
  const listener = new ClientListener(
    { listen: [{ host: "127.0.0.1", port: options.port ?? 0 }] },
    { grpc, http: app.server, clock: systemClock, logger: silent },
  );
  await listener.listen();
  return {
    endpoint: `127.0.0.1:${listener.addresses[0]!.port}`,
    async stop() {
      await listener.close(100);
      await app.close();
      stopMetrics();
    },
  };
}
