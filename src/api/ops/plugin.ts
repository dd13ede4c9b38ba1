/**
 * The fastify plugins of the operator's endpoints (etcd.md section 13). `opsPlugin` is for the client port: all of them, and
 * etcd's answer to unknown paths; `monitorPlugin` has those that `--listen-metrics-urls` serves as well.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, RouteHandlerMethod } from "fastify";
import { healthChecks, type Probe, runChecks } from "./checks.ts";
import { debugVars, type RaftStatus } from "./debug-vars.ts";
import { everyMethod, goError, onlyGet, plainText, queryValues } from "./go-text.ts";
import { type HealthSources, healthReason } from "./health.ts";
import type { HealthObserver } from "./health-metrics.ts";
import type { MetricRegistry } from "./metric-registry.ts";
import { openFilesMax } from "./process-metrics.ts";
import { clusterVersion, serverVersion } from "./version.ts";

export interface MonitorModules extends HealthSources {
  readonly registry: MetricRegistry;
  readonly observer: HealthObserver;
}

export interface OpsModules extends MonitorModules {
  /** Whether the cluster has agreed on its version, i.e. has had a leader. */
  clusterDecided(): boolean;
  /** For /debug/vars; null on an agent without a raft member. */
  raftStatus(): RaftStatus | null;
}

const compressed = promisify(gzip);

/** Register it on the root instance: the not-found answer is meant for the whole port. */
export function opsPlugin(modules: OpsModules): (app: FastifyInstance) => Promise<void> {
  return onRoot(async (app) => {
    notFound(app);
    getRoute(app, "/version", (_request, reply) => {
      const etcdcluster = modules.clusterDecided() ? clusterVersion : "not_decided";
      reply.header("content-type", "application/json");
      // As bytes: to a text fastify would add a charset, which etcd does not have here.
      return reply.send(Buffer.from(JSON.stringify({ etcdserver: serverVersion, etcdcluster })));
    });
    app.get("/debug/vars", (_request, reply) =>
      reply.type("application/json; charset=utf-8").send(debugVars(modules.raftStatus(), openFilesMax())),
    );
    monitorRoutes(app, modules);
  });
}

/** /metrics, /health, /livez and /readyz, and nothing else. */
export function monitorPlugin(modules: MonitorModules): (app: FastifyInstance) => Promise<void> {
  return onRoot(async (app) => {
    notFound(app);
    monitorRoutes(app, modules);
  });
}

function monitorRoutes(app: FastifyInstance, modules: MonitorModules): void {
  getRoute(app, "/health", async (request, reply) => {
    const serializable = queryValues(request, "serializable")[0] === "true";
    const reason = await healthReason(modules, { serializable, exclude: queryValues(request, "exclude") });
    modules.observer.health(reason === "");
    // `health` is a string: clients compare it with "true".
    const body = JSON.stringify({ health: reason === "" ? "true" : "false", reason });
    return reason === "" ? reply.type(plainText).send(body) : goError(reply, 503, body);
  });
  for (const probe of Object.keys(healthChecks) as Probe[]) {
    probeRoute(app, modules, probe, `/${probe}`, (name, excluded) => !excluded.includes(name));
    for (const only of Object.keys(healthChecks[probe])) {
      probeRoute(app, modules, probe, `/${probe}/${only}`, (name) => name === only);
    }
  }
  // etcd answers any method here.
  app.route({
    method: everyMethod,
    url: "/metrics",
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      reply.type("text/plain; version=0.0.4; charset=utf-8");
      const text = await modules.registry.renderInSlices(modules.clock);
      if (!/\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) return reply.send(text);
      // In a thread of the pool; the text is long, and says much the same in every line.
      return reply.header("content-encoding", "gzip").send(await compressed(text));
    },
  });
}

function probeRoute(
  app: FastifyInstance,
  modules: MonitorModules,
  probe: Probe,
  url: string,
  wanted: (name: string, excluded: readonly string[]) => boolean,
): void {
  getRoute(app, url, async (request, reply) => {
    const excluded = queryValues(request, "exclude");
    const result = await runChecks(probe, (name) => wanted(name, excluded), modules, modules.observer.check);
    if (!result.ok) return goError(reply, 503, result.report);
    const verbose = queryValues(request, "verbose").length > 0;
    reply.header("x-content-type-options", "nosniff").type(plainText);
    return reply.send(verbose ? `${result.report}ok\n` : "ok\n");
  });
}

function getRoute(app: FastifyInstance, url: string, handler: RouteHandlerMethod): void {
  app.route({ method: everyMethod, url, exposeHeadRoute: false, onRequest: onlyGet, handler });
}

function notFound(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) => goError(reply, 404, "404 page not found"));
}

/** fastify reads this mark and does not encapsulate the plugin, so its not-found handler holds for the root. */
function onRoot(plugin: (app: FastifyInstance) => Promise<void>): (app: FastifyInstance) => Promise<void> {
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true });
}
