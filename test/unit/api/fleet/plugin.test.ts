/** fleet's API over the real units module on the store's fake: codes and texts of fleet.md 1. */
import fastify, { type FastifyInstance } from "fastify";
import { type Test, test } from "tap";
import { startUnits, UnitsModule } from "../../../../src/agent/units/units.ts";
import { unitsPeerApi } from "../../../../src/api/fleet/peer.ts";
import { fleetApi } from "../../../../src/api/fleet/plugin.ts";
import { silent } from "../../../../src/base/ports.ts";
import { MemoryKv } from "../../../support/memory-kv.ts";
import { rest, VirtualClock } from "../../../support/virtual-clock.ts";

interface Front {
  readonly kv: MemoryKv;
  readonly app: FastifyInstance;
  readonly units: UnitsModule;
  /** Status and body (decoded, or undefined if there is none). */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<[number, unknown]>;
}

async function front(t: Test, { leads = true } = {}): Promise<Front> {
  const kv = new MemoryKv();
  const units = await startUnits(
    {
      machineId: "m1",
      incarnation: "1",
      name: "h1",
      primaryIp: "10.0.0.1",
      metadata: {},
      agentTtlMs: 30_000,
      engine: true,
    },
    {
      kv,
      driver: null,
      leader: { leader: async () => (leads ? { url: "http://m1", self: true } : null) },
      clock: new VirtualClock(),
      logger: silent,
      http: { request: () => Promise.reject(new Error("no peers here")) },
    },
  );
  const app = fastify({ logger: false });
  await app.register(fleetApi({ version: "1.0.0" }, { units }));
  await app.register(unitsPeerApi({ units }));
  t.teardown(async () => {
    await app.close();
    await units.close();
  });
  await rest();
  const ask: Front["ask"] = async (method, path, body, headers = {}) => {
    const payload = typeof body === "string" ? body : body === undefined ? undefined : JSON.stringify(body);
    const type = payload === undefined ? {} : { "content-type": "application/json" };
    const response = await app.inject({
      method: method as "GET",
      url: path,
      headers: { ...type, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return [response.statusCode, response.body === "" ? undefined : JSON.parse(response.body)];
  };
  return { kv, app, units, ask };
}

const sleep = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];
const refusal = (code: number, message: string): [number, unknown] => [code, { error: { code, message } }];
const hello = "/fleet/v1/units/hello.service";

test("PUT: every check, in order (fleet.md 1.5)", async (t) => {
  const { ask } = await front(t);
  const unit = (name: string): string => `/fleet/v1/units/${name}`;
  const cases: [path: string, body: unknown, headers: Record<string, string>, expected: [number, unknown]][] =
    [
      [hello, undefined, {}, refusal(415, "expected 1 Content-Type, got 0")],
      [
        hello,
        "x",
        { "content-type": "text/plain" },
        refusal(415, "only acceptable Content-Type is application/json"),
      ],
      [hello, " ", {}, refusal(400, "unable to decode body: EOF")],
      [hello, '{"options": 5}', {}, refusal(400, "unable to decode body: options is not a list")],
      [
        hello,
        { name: "other.service" },
        {},
        refusal(400, 'name in URL "hello.service" differs from unit name in request body "other.service"'),
      ],
      [unit("hello"), { options: sleep }, {}, refusal(400, 'unit name must contain "."')],
      [unit("a%2Fb.service"), { options: sleep }, {}, refusal(400, "invalid character '/' in unit name")],
      [hello, { desiredState: "launched" }, {}, refusal(409, "unit does not exist and options field empty")],
      [unit("a.scope"), { options: sleep }, {}, refusal(400, 'units of type "scope" cannot be run')],
      [
        hello,
        { options: [{ section: "X-Fleet", name: "Replaces", value: "a" }] },
        {},
        refusal(400, "Replaces is not supported yet"),
      ],
      [
        hello,
        { options: [{ section: "Service", name: "ExecStart\n", value: "" }] },
        {},
        refusal(400, "unexpected newline encountered while parsing option name"),
      ],
      [hello, { options: sleep, desiredState: "up" }, {}, refusal(400, 'invalid value "up" for JobState')],
      [
        unit("t%40.service"),
        { options: sleep, desiredState: "launched" },
        {},
        refusal(400, 'cannot activate template "t@.service"'),
      ],
      [hello, { NAME: "hello.service", Options: sleep, unknown: 1 }, {}, [201, undefined]],
      [hello, { options: sleep }, {}, refusal(409, "must provide DesiredState to update existing unit")],
      [
        hello,
        '{"desiredState":"launched"} trailing',
        { "content-type": "application/json; charset=utf-8" },
        [204, undefined],
      ],
      [hello, { options: sleep, desiredState: "launched" }, {}, [204, undefined]],
      [hello, { desiredState: "up" }, {}, refusal(400, 'invalid value "up" for JobState')],
      [hello, { options: [...sleep, { section: "Unit", name: "Wants" }] }, {}, [201, undefined]],
    ];
  for (const [path, body, headers, expected] of cases) {
    t.strictSame(await ask("PUT", path, body, headers), expected, `${path} ${JSON.stringify(body)}`);
  }
  t.match(
    await ask("GET", hello),
    [200, { desiredState: "inactive" }],
    "a replacement without a state stops it",
  );
});

test("units: created, read at once, listed, deleted", async (t) => {
  const { ask } = await front(t);
  t.strictSame(await ask("GET", "/fleet/v1/units"), [200, {}]);
  t.strictSame(await ask("GET", hello), refusal(404, "unit does not exist"));
  await ask("PUT", hello, { options: sleep });
  await ask("PUT", "/v1-alpha/units/a%401.service?alt=json", { options: sleep, desiredState: "launched" });
  const shown = { name: "hello.service", options: sleep, desiredState: "inactive", currentState: "inactive" };
  t.strictSame(await ask("GET", hello), [200, shown]);
  const first = { ...shown, name: "a@1.service", desiredState: "launched" };
  t.strictSame(await ask("GET", "/fleet/v1/units"), [200, { units: [first, shown] }]);
  t.strictSame(await ask("DELETE", hello), [204, undefined]);
  t.strictSame(await ask("DELETE", hello), refusal(404, "unit does not exist"));
  t.strictSame(await ask("GET", "/fleet/v1/units"), [200, { units: [first] }]);
});

test("a global unit has neither current state nor machine", async (t) => {
  const { ask } = await front(t);
  const options = [...sleep, { section: "X-Fleet", name: "Global", value: "true" }];
  await ask("PUT", hello, { options, desiredState: "launched" });
  t.strictSame(await ask("GET", hello), [200, { name: "hello.service", options, desiredState: "launched" }]);
});

test("states and machines, as reported", async (t) => {
  const { ask, kv } = await front(t);
  t.strictSame(
    await ask("GET", "/fleet/v1/state/hello.service"),
    [200, {}],
    "never 404: fleetctl would crash",
  );
  t.strictSame(await ask("GET", "/fleet/v1/state"), [200, {}]);
  const unit = {
    name: "hello.service",
    hash: "ab".repeat(20),
    launched: true,
    load: "loaded",
    active: "active",
    sub: "running",
  };
  await ask("PUT", "/fleet/v1/units/other.service", {
    options: [{ section: "Service", name: "ExecStart", value: "/bin/true" }],
    desiredState: "inactive",
  });
  await rest(10);
  const machine = { id: "m2", name: "h2", primaryIp: "10.0.0.2", metadata: { disk: "ssd" } };
  const report = {
    machine,
    incarnation: "1",
    challenged: false,
    revision: kv.store.revision,
    ttlMs: 30_000,
    units: [unit],
  };
  t.strictSame(await ask("POST", "/argosy/v1/machines/m2/report", report), [200, { confirmed: true }]);
  t.match(await ask("POST", "/argosy/v1/machines/m2/report", { ...report, revision: 1 }), [
    200,
    { confirmed: false, reason: "behind" },
  ]);
  t.strictSame(
    await ask("POST", "/argosy/v1/machines/m3/report", report),
    refusal(400, "this is not a report of that machine"),
  );
  const state = {
    name: "hello.service",
    hash: unit.hash,
    machineID: "m2",
    systemdLoadState: "loaded",
    systemdActiveState: "active",
    systemdSubState: "running",
  };
  t.strictSame(await ask("GET", "/fleet/v1/state/hello.service"), [200, state]);
  t.strictSame(await ask("GET", "/fleet/v1/state?machineID=m2"), [200, { states: [state] }]);
  t.strictSame(await ask("GET", "/fleet/v1/state?unitName=other.service"), [200, {}]);
  t.strictSame(await ask("GET", "/fleet/v1/machines"), [
    200,
    { machines: [{ id: "m2", primaryIP: "10.0.0.2", metadata: { disk: "ssd" } }] },
  ]);
  t.match(await ask("GET", "/argosy/v1/cluster-state"), [
    200,
    { engine: "m1", machines: [{ condition: "live" }] },
  ]);
});

test("wrong methods and paths", async (t) => {
  const { ask, app } = await front(t);
  t.strictSame(
    await ask("POST", "/fleet/v1/units"),
    refusal(405, "only GET supported against this resource"),
  );
  const item = "only GET, PUT and DELETE supported against this resource";
  t.strictSame(await ask("PATCH", hello), refusal(405, item));
  t.strictSame(await ask("GET", "/fleet/v1/units/a.service/more"), refusal(404, ""));
  t.strictSame(await ask("GET", "/fleet/v1/nothing"), refusal(404, ""));
  t.strictSame(await ask("GET", "/fleet/v1"), refusal(405, ""));
  const head = await app.inject({ method: "HEAD", url: "/fleet/v1/units" });
  t.match(head, { statusCode: 405, headers: { server: "fleetd/1.0.0" } });
});

test("pages of 100, and bad tokens", async (t) => {
  const { ask } = await front(t);
  const names = Array.from({ length: 150 }, (_, i) => `u${String(i).padStart(3, "0")}.service`);
  await Promise.all(names.map((name) => ask("PUT", `/fleet/v1/units/${name}`, { options: sleep })));
  type Page = { units?: { name: string }[]; nextPageToken?: string };
  const [, first] = (await ask("GET", "/fleet/v1/units")) as [number, Page];
  t.equal(first.nextPageToken, "ZAACAA==");
  const [, second] = (await ask("GET", `/fleet/v1/units?nextPageToken=${first.nextPageToken}`)) as [
    number,
    Page,
  ];
  t.equal(second.nextPageToken, undefined);
  t.strictSame(
    [...first.units!, ...second.units!].map(({ name }) => name),
    names,
  );
  const page = (token: string): Promise<[number, unknown]> =>
    ask("GET", `/fleet/v1/units?nextPageToken=${token}`);
  t.strictSame(await page("ZAADAA=="), [200, {}]);
  t.strictSame(await page("EwBMLg=="), refusal(400, "token limit must be 100"));
  t.strictSame(await page("ZAAAAA=="), refusal(400, "token page must be greater than zero"));
  t.match(await page("%21"), [400, {}]);
  t.strictSame(await page("ZAACAA==&nextPageToken=x"), refusal(400, "too many values for page token"));
});

test("a store that is away, and a leader that is away", async (t) => {
  const away = await front(t);
  away.kv.fail({ code: "kv.no-leader" });
  t.strictSame(await away.ask("GET", hello), refusal(503, "fleet server unable to communicate with etcd"));
  away.kv.fail({ code: "kv.corrupt" });
  t.strictSame(await away.ask("GET", hello), refusal(500, ""));
  const alone = await front(t, { leads: false });
  t.strictSame(
    await alone.ask("GET", "/fleet/v1/machines"),
    refusal(503, "fleet server unable to communicate with etcd"),
  );
  t.match(await alone.ask("GET", "/argosy/v1/cluster-state"), [503, {}]);
  await alone.ask("PUT", hello, { options: sleep });
  t.match(
    await alone.ask("GET", "/fleet/v1/units"),
    [200, { units: [{ currentState: "inactive" }] }],
    "still listed",
  );
});

test("without a quorum a list is refused after five seconds, and nothing waits on", async (t) => {
  const kv = new MemoryKv();
  kv.hold();
  const clock = new VirtualClock();
  const units = new UnitsModule(
    {
      machineId: "m1",
      incarnation: "1",
      name: "h1",
      primaryIp: "",
      metadata: {},
      agentTtlMs: 30_000,
      engine: true,
    },
    {
      kv,
      driver: null,
      leader: { leader: async () => null },
      clock,
      logger: silent,
      http: { request: () => Promise.reject(new Error("no peers here")) },
    },
  );
  const app = fastify({ logger: false });
  await app.register(fleetApi({ version: "1.0.0" }, { units }));
  t.teardown(async () => {
    await app.close();
    await units.close();
  });
  await units.start();
  const answer = app.inject({ method: "GET", url: "/fleet/v1/units" });
  await clock.pass(5_500, 500);
  const { statusCode, payload } = await answer;
  t.equal(statusCode, 503);
  t.match(JSON.parse(payload), { error: { message: "fleet server unable to communicate with etcd" } });
});

test("names of the agent's own units are refused", async (t) => {
  const { ask } = await front(t);
  const body = {
    options: [{ section: "Service", name: "ExecStart", value: "/bin/true" }],
    desiredState: "launched",
  };
  t.strictSame(
    await ask("PUT", "/fleet/v1/units/argosy-fence.target", body),
    refusal(400, 'unit names that begin with "argosy-" are reserved'),
  );
});
