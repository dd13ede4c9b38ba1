/** The flags of `agent run`. Their meaning, defaults and checks are in agent/config.ts; all are text until there. */
import type { Options } from "yargs";

const describe: Readonly<Record<string, string>> = {
  name: "name of this agent and its raft member; default: the host name",
  "data-dir": "directory of the write-ahead log and the store; default: ./data",
  role: "server (raft member) or worker; default: server",
  "initial-cluster": "all servers as name=peer-URL,name=peer-URL",
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

/** Each as yargs wants it. There are no defaults here, so that "not given" reaches the configuration as such. */
export const runOptions: Readonly<Record<string, Options>> = Object.fromEntries(
  Object.entries(describe).map(([flag, text]): [string, Options] => [
    flag,
    { type: "string", describe: text },
  ]),
);
