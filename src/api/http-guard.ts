/**
 * Our own HTTP interfaces (fleet's, the agent's) reach the store as the agent itself. While auth is on, whoever could change
 * something there needs role root, and whoever reads needs READ on the keys that are shown. Closed by default: a route that is
 * not named here is for root. Judged by the route that the router found, never by the text of the URL.
 *
 *   health, metrics, version, debug variables    open, as with etcd
 *   JSON gateway, v2 API                         know their callers themselves
 *   POST /argosy/v1/machines/ID/report           open: reports come from agents, which have no user, and stay in memory
 *   GET /argosy/v1/cluster-state                 asked by agents of each other, who have a pass for it
 */
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import { prefixEnd, utf8 } from "../base/bytes.ts";
import { registryPrefix } from "../units/registry.ts";
import { networkConfigKey } from "./agent/network-config.ts";

export type HttpVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: 401 | 403 | 503; readonly problem: string };

/** An interval as the API has it. */
export interface HttpKeys {
  readonly key: Uint8Array;
  readonly range_end: Uint8Array;
}

/** What a caller needs while auth is on. */
export type HttpNeed =
  | { readonly type: "root" }
  /** READ on all of these; `agents`: or to be an agent of this cluster. */
  | { readonly type: "read"; readonly keys: readonly HttpKeys[]; readonly agents: boolean };

export interface HttpGuard {
  /** Judges by the Authorization header. */
  judge(need: HttpNeed, authorization: string | undefined): Promise<HttpVerdict>;
}

const reading: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const openRoutes =
  /^\/(?:(?:v3|v3beta|v3alpha|v2)\/|(?:version|health|metrics|debug\/vars)$|(?:livez|readyz)(?:\/|$)|argosy\/v1\/machines\/:id\/report$)/;
const fleetRoutes = /^\/(?:fleet\/v1|v1-alpha)(?:\/|$)/;

/** A hook for the root instance. `networkPrefix` is the path of the overlay's keys. */
export function guardHttp(options: { networkPrefix: string }, guard: HttpGuard): onRequestAsyncHookHandler {
  const needOf = needs(options);
  return async (request, reply) => {
    const need = needOf(request.method, request.routeOptions.url);
    if (need === null) return;
    const verdict = await guard.judge(need, request.headers.authorization);
    if (!verdict.ok) await refuse(request, reply, verdict);
  };
}

/** What the caller of a route needs; null: nothing. `route` is undefined where there is none. */
export function needs(options: {
  networkPrefix: string;
}): (method: string, route: string | undefined) => HttpNeed | null {
  const fleet = under(registryPrefix);
  const network = under(`${options.networkPrefix}/`);
  const config = { key: utf8.encode(networkConfigKey(options.networkPrefix)), range_end: Buffer.alloc(0) };
  const read = (keys: readonly HttpKeys[], agents = false): HttpNeed => ({ type: "read", keys, agents });
  const byRoute: ReadonlyMap<string, HttpNeed> = new Map([
    ["/argosy/v1/status", read([fleet, network])],
    ["/argosy/v1/network/config", read([config])],
    ["/argosy/v1/cluster-state", read([fleet], true)],
  ]);
  return (method, route) => {
    const reads = reading.has(method);
    if (route === undefined) return reads ? null : { type: "root" };
    if (openRoutes.test(route)) return null;
    if (!reads) return { type: "root" };
    return byRoute.get(route) ?? (fleetRoutes.test(route) ? read([fleet]) : { type: "root" });
  };
}

function under(prefix: string): HttpKeys {
  const key = utf8.encode(prefix);
  return { key, range_end: prefixEnd(key) };
}

const codes = {
  401: "auth.unauthenticated",
  403: "auth.permission-denied",
  503: "auth.unavailable",
} as const;

/** In the form of the interface: fleet's errors have numbers for codes. */
async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, problem }: HttpVerdict & { ok: false },
): Promise<void> {
  if (status === 401) reply.header("www-authenticate", 'Basic realm="argosy"');
  const code = fleetRoutes.test(request.routeOptions.url ?? "") ? status : codes[status];
  await reply.code(status).send({ error: { code, message: problem } });
}
