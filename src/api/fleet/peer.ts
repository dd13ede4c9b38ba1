/** What agents ask the engine's agent: to take a report, and for what only the engine knows. Under /argosy/v1. */
import type { FastifyPluginAsync } from "fastify";
import { readReport } from "../../units/report.ts";
import type { UnitsService } from "../../units/service.ts";
import { replyError, replyThrown } from "./errors.ts";

/** Room for a report of some ten thousand units. */
const reportBytesMax = 16 * 1024 * 1024;

/** Register without a prefix. */
export function unitsPeerApi(modules: { readonly units: UnitsService }): FastifyPluginAsync {
  const { units } = modules;
  return async (root) => {
    await root.register(
      async (api) => {
        api.setErrorHandler((error, _request, reply) => replyThrown(reply, error));
        api.post("/machines/:id/report", { bodyLimit: reportBytesMax }, async (request, reply) => {
          const report = readReport(request.body);
          const { id } = request.params as { id: string };
          if (!report || report.machine.id !== id)
            return replyError(reply, 400, "this is not a report of that machine");
          return units.report(report);
        });
        api.get("/cluster-state", async (_request, reply) => {
          const state = units.ownClusterState();
          return state ?? replyError(reply, 503, "the unit engine does not run on this agent");
        });
      },
      { prefix: "/argosy/v1" },
    );
  };
}
