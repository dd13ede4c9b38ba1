/**
 * fleet's HTTP API v1 (fleet.md 1) as a fastify plugin, under /fleet/v1 and the old /v1-alpha. It translates; the rules are
 * in units/ and agent/units. Not here yet: PATCH /machines, /discovery (docs/known-gaps.md).
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { UnitsService } from "../../units/service.ts";
import { replyError, replyThrown } from "./errors.ts";
import { pageOf } from "./page.ts";
import { putUnit } from "./put-unit.ts";
import { machineResource, stateResource, unitResource } from "./resources.ts";

export interface FleetApiOptions {
  /** For the Server header; clients ignore it. */
  readonly version: string;
}

export interface FleetApiModules {
  readonly units: UnitsService;
}

/** Register without a prefix. */
export function fleetApi(options: FleetApiOptions, modules: FleetApiModules): FastifyPluginAsync {
  return async (root) => {
    for (const prefix of ["/fleet/v1", "/v1-alpha"]) {
      await root.register(async (api) => routes(api, options, modules.units), { prefix });
    }
  };
}

type Query = Record<string, unknown>;
/** What a resource does for one method; undefined: the method is not supported. */
type Methods = Record<string, (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>>;

const unitBytesMax = 4 * 1024 * 1024;

function routes(api: FastifyInstance, options: FleetApiOptions, units: UnitsService): void {
  // Content types are checked by the handler, in fleet's order.
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("*", { parseAs: "string", bodyLimit: unitBytesMax }, (_request, body, done) => {
    done(null, body);
  });
  api.addHook(
    "onRequest",
    async (_request, reply) => void reply.header("server", `fleetd/${options.version}`),
  );
  api.setErrorHandler((error, _request, reply) => replyThrown(reply, error));
  api.setNotFoundHandler((_request, reply) => replyError(reply, 404));

  const resource = (url: string, refusal: string, methods: Methods): void => {
    api.all(url, { bodyLimit: unitBytesMax }, async (request, reply) => {
      const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
      return handler ? handler(request, reply) : replyError(reply, 405, refusal);
    });
  };
  const onlyGet = "only GET supported against this resource";
  resource("", "", {});
  resource("/units", onlyGet, {
    GET: async (request, reply) =>
      replyPage(request, reply, "units", (await units.units()).map(unitResource)),
  });
  resource("/units/:name", "only GET, PUT and DELETE supported against this resource", {
    GET: async (request, reply) => {
      const unit = await units.unit(nameOf(request));
      return unit ? reply.send(unitResource(unit)) : replyError(reply, 404, "unit does not exist");
    },
    PUT: (request, reply) => putUnit(units, request, reply, nameOf(request)),
    DELETE: async (request, reply) => {
      const change = await units.deleteUnit(nameOf(request));
      if (change.type === "missing") return replyError(reply, 404, "unit does not exist");
      if (change.type === "refused") return replyError(reply, change.status, change.message);
      return reply.code(204).send();
    },
  });
  resource("/machines", onlyGet, {
    GET: async (request, reply) =>
      replyPage(request, reply, "machines", (await units.machines()).map(machineResource)),
  });
  resource("/state", onlyGet, {
    GET: async (request, reply) => {
      const { machineID, unitName } = request.query as Query;
      const states = (await units.states()).filter(
        (state) => (!machineID || state.machineId === machineID) && (!unitName || state.name === unitName),
      );
      return replyPage(request, reply, "states", states.map(stateResource));
    },
  });
  resource("/state/:name", onlyGet, {
    GET: async (request, reply) => {
      const state = (await units.states()).find((other) => other.name === nameOf(request));
      // A 404 would make fleetctl crash (fleet.md 1.2).
      return reply.send(state ? stateResource(state) : {});
    },
  });
}

function nameOf(request: FastifyRequest): string {
  return (request.params as { name: string }).name;
}

function replyPage(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  all: readonly object[],
): FastifyReply {
  const page = pageOf(all, (request.query as Query).nextPageToken);
  if ("problem" in page) return replyError(reply, 400, page.problem);
  const body = {
    ...(page.items.length > 0 ? { [name]: page.items } : {}),
    ...(page.next === undefined ? {} : { nextPageToken: page.next }),
  };
  return reply.header("content-type", "application/json").send(JSON.stringify(body));
}
