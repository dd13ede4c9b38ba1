import { test } from "tap";
import { ConfigError, parseConfig, type RunFlags } from "../../../src/agent/config.ts";

const three = "h1=http://10.0.0.1:2380,h2=http://10.0.0.2:2380,h3=http://10.0.0.3:2380";

test("without flags an agent is alone, on loopback", async (t) => {
  const config = parseConfig({ name: "solo" });
  t.equal(config.role, "server");
  t.equal(config.agentTtlMs, 30_000);
  t.match(config.listenClient, [{ host: "127.0.0.1", port: 2379 }]);
  if (config.store.type !== "member") return t.fail("a server has its own store");
  t.same(config.store.server.initialCluster, [{ name: "solo", peerUrls: ["http://localhost:2380"] }]);
  t.match(config.store.server.listenPeer, [{ host: "127.0.0.1", port: 2380 }]);
});

test("a member of a cluster serves clients where its peers reach it", async (t) => {
  const config = parseConfig({ name: "h2", "initial-cluster": three });
  t.match(config.listenClient, [
    { host: "127.0.0.1", port: 2379 },
    { host: "10.0.0.2", port: 2379 },
  ]);
  t.same(config.advertiseClientUrls, ["http://10.0.0.2:2379"]);
  if (config.store.type !== "member") return t.fail("a server has its own store");
  t.match(config.store.server.listenPeer, [{ host: "10.0.0.2", port: 2380 }]);
});

test("what is said is taken", async (t) => {
  const config = parseConfig({
    name: "h1",
    "initial-cluster": three,
    "listen-client-urls": "http://0.0.0.0:4001",
    "advertise-client-urls": "http://h1.example:4001",
    "agent-ttl": "1m30s",
    metadata: "disk=ssd, zone=a,zone=b",
    "snapshot-count": "100",
  });
  t.match(config.listenClient, [{ host: "0.0.0.0", port: 4001 }]);
  t.same(config.advertiseClientUrls, ["http://h1.example:4001"]);
  t.equal(config.agentTtlMs, 90_000);
  t.same(config.metadata, { disk: "ssd", zone: "b" });
});

test("the three stores", async (t) => {
  t.match(parseConfig({ role: "worker", servers: "http://10.0.0.1:2379" }).store, {
    type: "servers",
    endpoints: ["http://10.0.0.1:2379"],
  });
  t.match(parseConfig({ "etcd-endpoints": "http://a:2379,http://b:2379" }).store, {
    type: "etcd",
    endpoints: ["http://a:2379", "http://b:2379"],
  });
});

const refused: [RunFlags, flag: string, says: RegExp][] = [
  [{ "watch-progress-notify-interval": "50ms" }, "watch-progress-notify-interval", /not between/],
  [{ name: "a b" }, "name", /not a name/],
  [{ "data-dir": "" }, "data-dir", /empty/],
  [{ role: "boss" }, "role", /server, worker/],
  [{ role: "worker" }, "servers", /is needed/],
  [{ servers: "http://a:1" }, "servers", /--role worker/],
  [{ role: "worker", servers: "http://a:1", "etcd-endpoints": "http://b:1" }, "etcd-endpoints", /choose one/],
  [{ "etcd-endpoints": "http://b:1", "initial-cluster": three }, "initial-cluster", /no meaning/],
  [{ name: "h9", "initial-cluster": three }, "initial-cluster", /h1, h2, h3/],
  [{ name: "h1", "initial-cluster": "h1" }, "initial-cluster", /name=http/],
  [{ name: "h1", "initial-cluster": "h1=10.0.0.1:2380" }, "initial-cluster", /URL|http/],
  [{ name: "h1", "initial-cluster": "h1=http://10.0.0.1" }, "initial-cluster", /no port/],
  [{ name: "h1", "initial-cluster": "h1=https://10.0.0.1:2380" }, "initial-cluster", /TLS/],
  [{ name: "h1", "initial-cluster": "h1=http://a:1,h2=http://a:1" }, "initial-cluster", /given twice/],
  [
    { name: "h1", "initial-cluster": three, "initial-advertise-peer-urls": "http://10.9.9.9:2380" },
    "initial-advertise-peer-urls",
    /differs/,
  ],
  [{ "listen-client-urls": "http://127.0.0.1:99999" }, "listen-client-urls", /URL/],
  [{ "listen-client-urls": "http://127.0.0.1:2379/x" }, "listen-client-urls", /scheme, host and port/],
  [{ "heartbeat-interval": "fast" }, "heartbeat-interval", /whole number/],
  [{ "heartbeat-interval": "500", "election-timeout": "1000" }, "election-timeout", /5 heartbeat/],
  [{ "agent-ttl": "30" }, "agent-ttl", /duration/],
  [{ "agent-ttl": "1ms" }, "agent-ttl", /between/],
  [{ metadata: "ssd" }, "metadata", /key=value/],
  [{ "public-ip": "10.0.0.256" }, "public-ip", /IPv4/],
  [{ "network-prefix": "coreos" }, "network-prefix", /start with/],
  [{ "log-level": "loud" }, "log-level", /debug, info/],
  [{ units: "maybe" }, "units", /auto, off/],
];

for (const [flags, flag, says] of refused) {
  test(`refused: ${JSON.stringify(flags)}`, async (t) => {
    try {
      parseConfig({ name: "h1", ...flags });
      t.fail("was accepted");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      t.equal(error.detail.flag, flag);
      t.match(error.message, says);
      t.match(error.message, new RegExp(`^--${flag}: `));
      t.notOk(error.message.includes("\n"), "is one line");
    }
  });
}
