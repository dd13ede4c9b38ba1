/** The client port of this agent: gRPC and HTTP fronts over whatever store it has. */
import fastify from "fastify";
import { agentApi } from "../api/agent/plugin.ts";
import type { StatusSource } from "../api/agent/status.ts";
import { isWebSocketUpgrade } from "../api/gateway/web-socket.ts";
import { guardHttp } from "../api/http-guard.ts";
import { ClientListener } from "../api/listener.ts";
import { grpcMetrics } from "../api/ops/grpc-metrics.ts";
import { opsPlugin } from "../api/ops/plugin.ts";
import { DirectGrpcServer } from "../api/transport/direct-grpc-server.ts";
import { gateElsewhere } from "../api/v3/gate.ts";
import { Health } from "../api/v3/health.ts";
import { v3Methods } from "../api/v3/methods.ts";
import type { Clock, Logger } from "../base/ports.ts";
import { ownOpenFilesMax } from "../host/open-files.ts";
import type { AdminClient } from "../store/admin.ts";
import type { KvClient } from "../store/kv.ts";
import { RemoteAuthority } from "./auth/remote-authority.ts";
import type { AgentConfig } from "./config.ts";
import { registerGateway } from "./gateway.ts";
import { connectionsMax, receiveLimit } from "./limits.ts";
import { opsOf } from "./maintenance/ops.ts";
import type { MetricsOfAgent } from "./metrics.ts";
import type { Server } from "./server.ts";
import type { UnitsOfAgent } from "./units-of-agent.ts";

export interface ApiModules {
  readonly kv: KvClient;
  readonly admin: AdminClient;
  readonly server: Server | null;
  readonly status: StatusSource;
  readonly units: UnitsOfAgent;
  readonly metrics: MetricsOfAgent;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Listens on every client address, or throws ListenError. */
export async function openApi(config: AgentConfig, modules: ApiModules): Promise<ClientListener> {
  const { kv, server, metrics, clock } = modules;
  const logger = modules.logger.child({ module: "api" });
  const health = new Health();
  const methods = v3Methods({ kv, admin: modules.admin, gate: server?.gate ?? gateElsewhere, health });
  const now = config.metrics.extensive ? () => clock.now() : null;
  const observer = grpcMetrics(metrics.registry, methods, { now });
  const grpc = new DirectGrpcServer(
    { methods, ...receiveLimit(config), ...config.grpc },
    { clock, logger, observer, closing: () => health.shutdown() },
  );
  metrics.clients = grpc;
  const upgrades = { shouldUpgradeCallback: isWebSocketUpgrade };
  const http = fastify({ logger: false, forceCloseConnections: true, http: upgrades });
  const streams = await registerGateway(http, config, { methods, observer, clock, logger });
  const networkPrefix = config.network.prefix;
  const guard = server?.httpAuthority ?? new RemoteAuthority(modules);
  http.addHook("onRequest", guardHttp({ networkPrefix }, guard));
  await http.register(opsPlugin(opsOf(modules)));
  await http.register(agentApi({ networkPrefix }, { kv, status: modules.status }));
  await modules.units.routes(http);
  await http.ready();
  const listener = new ClientListener(
    { listen: config.listenClient, connectionsMax: connectionsMax(ownOpenFilesMax()) },
    { grpc, http: http.server, streams, clock, logger },
  );
  await listener.listen();
  return listener;
}
