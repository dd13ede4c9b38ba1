/** The gateway in a whole agent: its flags, the agent's own names, answers of any size, the end of the server. */
import { test } from "tap";
import { ConfigError, parseConfig } from "../../../src/agent/config.ts";
import { startCluster } from "../../support/agents.ts";
import { GatewayStream, post } from "../../support/gateway-client.ts";

test("flags", async (t) => {
  t.same(parseConfig({ name: "a" }).gateway, { enabled: true, cors: [], hostWhitelist: [] });
  t.same(
    parseConfig({
      name: "a",
      "enable-grpc-gateway": "false",
      cors: "http://a.test, http://b.test",
      "host-whitelist": "*",
    }).gateway,
    { enabled: false, cors: ["http://a.test", "http://b.test"], hostWhitelist: ["*"] },
  );
  t.throws(() => parseConfig({ name: "a", "enable-grpc-gateway": "perhaps" }), ConfigError);
  t.throws(() => parseConfig({ name: "a", cors: "http://a.test,,x" }), /--cors/);
});

test("without the gateway /v3 is unknown", async (t) => {
  const cluster = await startCluster(1, { "enable-grpc-gateway": "false" });
  t.teardown(() => cluster.close());
  const answer = await post(cluster.agents[0]!.endpoint, "/v3/kv/range");
  t.equal(answer.status, 404);
  t.equal(answer.text, "404 page not found\n");
});

test("the whitelist holds on every path, and never shuts out the agent's own name", async (t) => {
  const cluster = await startCluster(1, { "host-whitelist": "good.test", cors: "http://a.test" });
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  for (const path of ["/version", "/argosy/v1/status", "/v3/kv/range", "/fleet/v1/units", "/nowhere"]) {
    const refused = await post(endpoint, path, "", { method: "GET", headers: { host: "evil.test" } });
    t.equal(refused.status, 421, path);
  }
  const options = { method: "GET", headers: { origin: "http://a.test" } };
  const own = await post(endpoint, "/version", "", options);
  t.equal(own.status, 200);
  t.equal(own.headers["access-control-allow-origin"], "http://a.test");
});

test("a wide range comes whole", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  const value = Buffer.alloc(4096, 7).toString("base64");
  for (let first = 0; first < 1000; first += 100) {
    const success = Array.from({ length: 100 }, (_, i) => ({
      request_put: { key: Buffer.from(`k${String(first + i).padStart(4, "0")}`).toString("base64"), value },
    }));
    t.equal((await post(endpoint, "/v3/kv/txn", JSON.stringify({ success }))).status, 200);
  }
  const all = { request_range: { key: "AA==", range_end: "AA==" } };
  const range = JSON.parse((await post(endpoint, "/v3/kv/range", JSON.stringify(all.request_range))).text);
  t.equal(range.kvs.length, 1000);
  t.equal(range.count, "1000");
  t.equal(Buffer.from(range.kvs[999].key, "base64").toString(), "k0999");
  const txn = JSON.parse((await post(endpoint, "/v3/kv/txn", JSON.stringify({ success: [all, all] }))).text);
  t.same(txn.responses[0].response_range.kvs, range.kvs);
  t.same(txn.responses[1].response_range.kvs, range.kvs);
});

test("a watch over the gateway sees every put, and the end of the server", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const [agent] = cluster.agents;
  const watch = new GatewayStream(agent!.endpoint, "/v3/watch");
  watch.send('{"create_request":{"key":"YQ=="}}');
  t.match(JSON.parse((await watch.next()) ?? ""), { result: { created: true } });
  for (let version = 1; version <= 20; version++) await post(agent!.endpoint, "/v3/kv/put", '{"key":"YQ=="}');
  const versions: string[] = [];
  while (versions.length < 20) {
    const { result } = JSON.parse((await watch.next()) ?? "");
    for (const { kv } of result.events) versions.push(kv.version);
  }
  t.same(
    versions,
    Array.from({ length: 20 }, (_, i) => String(i + 1)),
  );
  const stopped = agent!.stop();
  t.match(JSON.parse((await watch.next()) ?? ""), { error: { grpc_code: 14 } });
  t.equal(await watch.next(), null);
  watch.close();
  await stopped;
});

test("gRPC's counters count the gateway's calls", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  await post(endpoint, "/v3/kv/put", '{"key":"YQ=="}');
  await post(endpoint, "/v3/kv/put", "{}");
  const { text } = await post(endpoint, "/metrics", "", { method: "GET" });
  const count = (code: string): string | undefined =>
    text
      .split("\n")
      .find(
        (line) => /^grpc_server_handled_total\{.*grpc_method="Put"/.test(line) && line.includes(`"${code}"`),
      )
      ?.split(" ")[1];
  t.equal(count("OK"), "1");
  t.equal(count("InvalidArgument"), "1");
});
