/** What each route of the client port asks of its callers while auth is on; a route without a row fails. */
import fastify, { type HTTPMethods } from "fastify";
import { test } from "tap";
import { agentApi } from "../../../src/api/agent/plugin.ts";
import { unitsPeerApi } from "../../../src/api/fleet/peer.ts";
import { fleetApi } from "../../../src/api/fleet/plugin.ts";
import { guardHttp, type HttpKeys, type HttpNeed, needs } from "../../../src/api/http-guard.ts";
import { opsPlugin } from "../../../src/api/ops/plugin.ts";

const networkPrefix = "/coreos.com/network";
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const keysText = ({ key, range_end }: HttpKeys): string => `${text(key)}..${text(range_end)}`;

/** `open`, `root`, or the intervals to READ. */
function said(need: HttpNeed | null): string {
  if (need === null) return "open";
  if (need.type === "root") return "root";
  return `${need.keys.map(keysText).join(" ")}${need.agents ? " or agent" : ""}`;
}

const fleet = "/_coreos.com/fleet/../_coreos.com/fleet0";
const network = "/coreos.com/network/../coreos.com/network0";
/** Of each route: what a GET needs, and what a PUT. */
const expected: Record<string, readonly [read: string, change: string]> = {
  "/version": ["open", "open"],
  "/health": ["open", "open"],
  "/metrics": ["open", "open"],
  "/debug/vars": ["open", "open"],
  "/argosy/v1/status": [`${fleet} ${network}`, "root"],
  "/argosy/v1/network/config": ["/coreos.com/network/config..", "root"],
  "/argosy/v1/machines/:id/report": ["open", "open"],
  "/argosy/v1/cluster-state": [`${fleet} or agent`, "root"],
};
for (const prefix of ["/fleet/v1", "/v1-alpha"]) {
  for (const below of ["", "/", "/units", "/units/:name", "/machines", "/state", "/state/:name"]) {
    expected[`${prefix}${below}`] = [fleet, "root"];
  }
}

test("every route has a rule", async (t) => {
  const app = fastify();
  t.teardown(() => app.close());
  const routes = new Set<string>();
  app.addHook("onRoute", ({ url }) => void routes.add(url));
  const nothing = {} as never;
  await app.register(opsPlugin(nothing));
  await app.register(agentApi({ networkPrefix }, nothing));
  await app.register(fleetApi({ version: "1" }, nothing));
  await app.register(unitsPeerApi(nothing));
  await app.ready();
  const needOf = needs({ networkPrefix });
  for (const route of routes) {
    const rule = /^\/(livez|readyz)(\/|$)/.test(route) ? ["open", "open"] : expected[route];
    t.same([said(needOf("GET", route)), said(needOf("PUT", route))], rule, route);
    for (const method of ["HEAD", "OPTIONS"]) t.same(needOf(method, route), needOf("GET", route));
    for (const method of ["POST", "DELETE", "PATCH", "X"])
      t.same(needOf(method, route), needOf("PUT", route));
  }
  for (const route of Object.keys(expected)) {
    if (!route.endsWith("/")) t.ok(routes.has(route), `${route} is there`);
  }
  t.equal(said(needOf("GET", "/something/new")), "root", "closed by default");
  t.equal(said(needOf("GET", undefined)), "open", "404");
  t.equal(said(needOf("DELETE", undefined)), "root");
  t.equal(said(needOf("PUT", "/v3/*")), "open", "knows its callers");
});

test("the route counts, however the URL is written", async (t) => {
  const app = fastify({ exposeHeadRoutes: true });
  t.teardown(() => app.close());
  const asked: string[] = [];
  const guard = {
    async judge(need: HttpNeed, authorization: string | undefined) {
      asked.push(`${said(need)} ${authorization}`);
      return { ok: false, status: 401, problem: "who are you" } as const;
    },
  };
  app.addHook("onRequest", guardHttp({ networkPrefix }, guard));
  await app.register(agentApi({ networkPrefix }, {} as never));
  await app.ready();
  const urls = [
    "/argosy/v1/status",
    "/argosy/v1/status?x=/v3/",
    "/argosy/v1/%73tatus",
    "http://host/argosy/v1/status",
    "http://host/argosy/v1/status#/health",
  ];
  for (const url of urls) {
    for (const method of ["GET", "HEAD"] as HTTPMethods[]) {
      const answer = await app.inject({ method: method as "GET", url, headers: { authorization: "a" } });
      t.equal(answer.statusCode, 401, `${method} ${url}`);
      t.equal(answer.headers["www-authenticate"], 'Basic realm="argosy"');
    }
  }
  t.same([...new Set(asked)], [`${fleet} ${network} a`]);
});
