/** The flags of `agent run`. Their meaning, defaults and checks are in agent/config.ts; all are text until there. */
import type { Options } from "yargs";

const describe: Readonly<Record<string, string>> = {
  name: "name of this agent and its raft member; default: the host name",
  "data-dir": "directory of the write-ahead log and the store; default: ./data",
  role: "server (raft member) or worker; default: server",
  "initial-cluster": "all servers as name=peer-URL,name=peer-URL",
  "initial-cluster-state": "new, or existing to join a cluster that has let this server in; default: new",
  "strict-reconfig-check": "refuse changes of membership that could cost the quorum; default: true",
  "max-learners": "learners that the cluster may have; default: 1",
  "initial-cluster-token": "distinguishes clusters with equal URLs; default: etcd-cluster",
  "initial-advertise-peer-urls": "peer URLs of this server for the others",
  "listen-peer-urls": "where to accept the other servers; default: the advertised peer URLs",
  "listen-client-urls": "where to serve clients; default: port 2379",
  "advertise-client-urls": "client URLs of this agent for the others",
  servers: "worker: client URLs of servers, with commas",
  "etcd-endpoints": "client URLs of an etcd cluster to use as the store",
  "heartbeat-interval": "milliseconds between the leader's heartbeats; default: 100",
  "election-timeout": "milliseconds of silence before an election; default: 1000",
  "snapshot-count": "entries after which the log is cut; default: 10000",
  "snapshot-bytes": "bytes after which the log is cut; default: 67108864",
  "watch-progress-notify-interval": "how often idle watchers that ask for it hear of progress; default: 10m",
  "auto-compaction-mode": "periodic or revision; default: periodic",
  "auto-compaction-retention":
    "history to keep: a duration (bare: hours) or a number of revisions, by mode; default: 0, all",
  "initial-corrupt-check": "refuse to start with data that differ from the other servers'",
  "corrupt-check-time": "how often the leader compares all servers' data; default: 0, never",
  "compact-hash-check-enabled": "compare all servers' data after each compaction",
  "compact-hash-check-time": "how often to look for a compaction to compare at; default: 1m",
  metrics: "basic, or extensive with the duration of every gRPC call; default: basic",
  "listen-metrics-urls": "more addresses for /metrics, /health, /livez and /readyz",
  "auth-token": "simple, or jwt,priv-key=PATH,pub-key=PATH,sign-method=RS256,ttl=10m; default: simple",
  "auth-token-ttl": "seconds that a simple token lives since its last use; default: 300",
  "bcrypt-cost": "rounds of bcrypt for passwords, as a power of two, 4 to 31; default: 10",
  "enable-grpc-gateway": "serve the JSON gateway under /v3; default: true",
  cors: "origins whose pages may use the HTTP API, with commas, or * for all; default: none",
  "host-whitelist": "names by which HTTP clients may address this agent, with commas; default: * for all",
  "quota-backend-bytes": "size of the database from which writes are refused; default: 0, 2 GiB; -1: none",
  "max-request-bytes": "largest request, in bytes; default: 1572864",
  "max-txn-ops": "most operations in a transaction; default: 128",
  "grpc-keepalive-min-time": "how often gRPC clients may ping at most; default: 5s",
  "grpc-keepalive-interval": "silence after which a gRPC client is asked whether it is there; default: 2h",
  "grpc-keepalive-timeout": "how long it has to answer; default: 20s",
  "max-concurrent-streams": "calls that one gRPC connection may have open; default, and at most: 65536",
  "agent-ttl": "how long a machine may be silent before its units move, such as 30s (the default)",
  metadata: "this machine's metadata as key=value,key=value",
  units: "auto or off: run units on this machine; default: auto",
  network: "auto or off: overlay network on this machine; default: auto",
  iface: "interface, by name or address, that carries the overlay; default: that of the default route",
  "public-ip": "address at which other hosts reach this one; default: the interface's",
  "network-prefix": "path of the overlay's keys; default: /coreos.com/network",
  "subnet-file": "file that tells the subnet to others; default: /run/flannel/subnet.env",
  "log-level": "debug, info, warn or error; default: info",
  "log-format": "json or text; default: json",
};

/** Flags that are on when they are named; `--flag=false` turns them off (etcd.md 15.2). */
const switches: ReadonlySet<string> = new Set([
  "strict-reconfig-check",
  "initial-corrupt-check",
  "compact-hash-check-enabled",
  "enable-grpc-gateway",
]);

/** Older names of flags (etcd.md 15.2, `experimental-`). */
const aliases: Readonly<Record<string, string>> = {
  "watch-progress-notify-interval": "experimental-watch-progress-notify-interval",
  "max-learners": "experimental-max-learners",
  "initial-corrupt-check": "experimental-initial-corrupt-check",
  "corrupt-check-time": "experimental-corrupt-check-time",
  "compact-hash-check-enabled": "experimental-compact-hash-check-enabled",
  "compact-hash-check-time": "experimental-compact-hash-check-time",
};

/** Each as yargs wants it. There are no defaults here, so that "not given" reaches the configuration as such. */
export const runOptions: Readonly<Record<string, Options>> = Object.fromEntries(
  Object.entries(describe).map(([flag, text]): [string, Options] => [
    flag,
    {
      type: switches.has(flag) ? "boolean" : "string",
      describe: text,
      ...(aliases[flag] === undefined ? {} : { alias: aliases[flag] }),
    },
  ]),
);
