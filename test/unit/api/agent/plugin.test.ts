/** /argosy/v1: the status as it is given, the network configuration checked and stored as it came. */
import Fastify from "fastify";
import { test } from "tap";
import { agentApi } from "../../../../src/api/agent/plugin.ts";
import type { AgentStatus } from "../../../../src/api/agent/status.ts";
import { utf8 } from "../../../../src/base/bytes.ts";
import { KvError } from "../../../../src/store/kv.ts";
import { MemoryKv } from "../../../support/memory-kv.ts";
import { sampleStatus } from "../../cli/sample-status.ts";

function setUp(status: () => Promise<AgentStatus> = async () => sampleStatus) {
  const kv = new MemoryKv();
  const app = Fastify();
  app.register(agentApi({ networkPrefix: "/coreos.com/network" }, { kv, status: { status } }));
  const key = utf8.encode("/coreos.com/network/config");
  const stored = async () => {
    const { kvs } = await kv.range({ key });
    return kvs[0] && utf8.decode(kvs[0].value);
  };
  return { app, kv, stored };
}

test("status", async (t) => {
  const { app } = setUp();
  const response = await app.inject("/argosy/v1/status");
  t.equal(response.statusCode, 200);
  t.same(response.json(), sampleStatus);

  const failing = setUp(() => Promise.reject(new KvError("kv.no-leader", "there is no leader")));
  const refused = await failing.app.inject("/argosy/v1/status");
  t.equal(refused.statusCode, 503);
  t.same(refused.json(), { error: { code: "kv.no-leader", message: "there is no leader" } });
});

test("network configuration", async (t) => {
  const { app, kv, stored } = setUp();
  const url = "/argosy/v1/network/config";
  const put = (payload: string, headers = {}) => app.inject({ method: "PUT", url, payload, headers });

  const none = await app.inject(url);
  t.equal(none.statusCode, 404);
  t.match(none.json(), { error: { code: "agent-api.no-network-config", message: /agent net config set/ } });

  const text = '{ "Network": "10.5.0.0/16" , "Backend": {"Type": "vxlan"} }';
  for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
    const done = await put(text, { "content-type": type });
    t.equal(done.statusCode, 204, done.body);
  }
  t.equal(await stored(), text, "as it came, under flannel's key");
  t.equal((await app.inject(url)).body, text);

  for (const bad of [
    "",
    "{",
    "[]",
    "{}",
    '{"Network":"10.5.0.0/33"}',
    '{"Network":"10.5.0.0/16","SubnetLen":8}',
  ]) {
    const refused = await put(bad, { "content-type": "application/json" });
    t.equal(refused.statusCode, 400, bad);
    t.match(refused.json(), { error: { code: "agent-api.invalid-network-config", message: String } });
  }
  t.equal(await stored(), text, "a refused one changes nothing");

  kv.fail({ code: "kv.timeout", count: 2 });
  t.equal((await put(text)).statusCode, 503);
  t.equal((await app.inject(url)).json().error.code, "kv.timeout");
});
