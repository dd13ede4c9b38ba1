/**
 * The fastify plugin of the operator's endpoints on the client port: /version, /health, /metrics, and etcd's answer to
 * unknown paths (etcd.md section 13).
 */
import type { FastifyInstance, FastifyReply } from "fastify";
import { type HealthQuery, type HealthSources, healthReason } from "./health.ts";
import type { MetricRegistry } from "./metrics.ts";
import { clusterVersion, serverVersion } from "./version.ts";

export interface OpsModules extends HealthSources {
  readonly registry: MetricRegistry;
  /** Whether the cluster has agreed on its version, i.e. has had a leader. */
  clusterDecided(): boolean;
}

/** Register it on the root instance: the not-found answer is meant for the whole port. */
export function opsPlugin(modules: OpsModules): (app: FastifyInstance) => Promise<void> {
  const plugin = async (app: FastifyInstance): Promise<void> => {
    app.setNotFoundHandler((_request, reply) =>
      reply.code(404).type("text/plain; charset=utf-8").send("404 page not found\n"),
    );
    app.get("/version", () => ({
      etcdserver: serverVersion,
      etcdcluster: modules.clusterDecided() ? clusterVersion : "not_decided",
    }));
    app.route({
      method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
      url: "/health",
      exposeHeadRoute: false,
      // Any method, so that a wrong one is answered with 405 as etcd does, whatever its body is.
      handler: async (request, reply) => {
        if (request.method !== "GET") return methodNotAllowed(reply);
        const reason = await healthReason(modules, healthQuery(request.query));
        const health = reason === "" ? "true" : "false"; // a string: clients compare with "true"
        return reply.code(reason === "" ? 200 : 503).send({ health, reason });
      },
    });
    app.get("/metrics", (_request, reply) =>
      reply.type("text/plain; version=0.0.4; charset=utf-8").send(modules.registry.render()),
    );
  };
  // fastify reads this mark and does not encapsulate the plugin, so its not-found handler holds for the root.
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true });
}

function methodNotAllowed(reply: FastifyReply): FastifyReply {
  return reply
    .code(405)
    .header("allow", "GET")
    .type("text/plain; charset=utf-8")
    .send("Method Not Allowed\n");
}

function healthQuery(query: unknown): HealthQuery {
  const { serializable, exclude } = query as Record<string, string | string[] | undefined>;
  return { serializable: serializable === "true", exclude: exclude === undefined ? [] : [exclude].flat() };
}
