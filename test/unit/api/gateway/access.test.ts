/** CORS and the host whitelist, on every path of the port. */
import { test } from "tap";
import { post } from "../../../support/gateway-client.ts";
import { openGateway } from "./gateway-port.ts";

const allow = "access-control-allow-origin";

test("all origins", async (t) => {
  const { endpoint } = await openGateway(t, {}, { access: { cors: ["*"], hostWhitelist: [] } });
  for (const path of ["/version", "/v3/kv/put", "/nowhere"]) {
    const answer = await post(endpoint, path, "", { method: "GET", headers: { origin: "http://a.test" } });
    t.match(answer.headers, {
      [allow]: "*",
      "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE",
      "access-control-allow-headers": "accept, content-type, authorization",
    });
  }
});

test("some origins", async (t) => {
  const cors = ["http://a.test", "http://b.test:8080"];
  const { endpoint } = await openGateway(t, {}, { access: { cors, hostWhitelist: [] } });
  const of = async (headers: Record<string, string>, method = "GET"): Promise<string | undefined> => {
    const answer = await post(endpoint, "/version", "", { method, headers });
    t.equal(answer.status, 200);
    return answer.headers[allow];
  };
  t.equal(await of({ origin: "http://a.test" }), "http://a.test");
  t.equal(await of({ origin: "http://b.test:8080" }, "OPTIONS"), "http://b.test:8080");
  t.equal(await of({ origin: "http://c.test" }), undefined);
  t.equal(await of({}), undefined);
});

test("a page of an origin that nobody named may look at the server, and use nothing", async (t) => {
  const { endpoint } = await openGateway(t, {}, { access: { cors: [], hostWhitelist: [] } });
  const host = new URL(`http://${endpoint}`).host;
  const table: [path: string, method: string, headers: Record<string, string>, refused: boolean][] = [
    ["/v3/kv/put", "POST", { origin: "http://evil.test", "content-type": "text/plain" }, true],
    ["/v3/kv/put", "OPTIONS", { origin: "http://evil.test" }, true],
    ["/fleet/v1/units", "GET", { origin: "http://evil.test" }, true],
    ["/fleet/v1/units/a.service", "PUT", { origin: "null" }, true],
    ["/v3/kv/put", "POST", { origin: "http://evil.test", host: "evil.test" }, true],
    ["/v3/kv/put", "POST", { origin: `http://${host}` }, false],
    ["/v3/kv/put", "POST", {}, false],
    ["/version", "GET", { origin: "http://evil.test" }, false],
    ["/health", "PUT", { origin: "http://evil.test" }, true],
  ];
  for (const [path, method, headers, refused] of table) {
    const { status, text } = await post(endpoint, path, "{}", { method, headers });
    t.equal(status === 403, refused, `${method} ${path} ${JSON.stringify(headers)}: ${status}`);
    if (refused) t.match(JSON.parse(text), { code: 7, message: /--cors/ });
  }
});

test("OPTIONS is answered at once, on any path", async (t) => {
  const { endpoint } = await openGateway(t, {});
  for (const path of ["/v3/kv/put", "/version", "/nowhere"]) {
    const { status, text } = await post(endpoint, path, "", { method: "OPTIONS" });
    t.equal(status, 200);
    t.equal(text, "");
  }
});

test("hosts", async (t) => {
  const access = { cors: [], hostWhitelist: ["good.test", "::1"] };
  const { endpoint } = await openGateway(t, {}, { access });
  const table: [host: string, status: number][] = [
    ["good.test", 200],
    ["good.test:2379", 200],
    ["[::1]:2379", 200],
    ["evil.test", 421],
    ["evil.test:2379", 421],
    ["127.0.0.1", 421],
  ];
  for (const [host, status] of table) {
    const answer = await post(endpoint, "/version", "", { method: "GET", headers: { host } });
    t.equal(answer.status, status, host);
    if (status === 421) t.match(answer.text, /--host-whitelist/);
  }
});
