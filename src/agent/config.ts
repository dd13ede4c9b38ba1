/**
 * The configuration of one agent: what the flags of `agent run` mean, checked as a whole before anything on the machine
 * is touched. Every refusal names the flag. Defaults are safe: one member, everything on loopback.
 */
import { hostname } from "node:os";
import type { GrpcServerOptions } from "../api/transport/grpc-server-options.ts";
import { AgentError } from "../base/errors.ts";
import { type AuthOptions, parseAuth } from "./auth/options.ts";
import { type GatewayConfig, parseGateway } from "./gateway.ts";
import { parseGrpc } from "./grpc-options.ts";
import { type LimitsConfig, parseLimits } from "./limits.ts";
import { type MaintenanceConfig, parseMaintenance, parseMetrics } from "./maintenance/config.ts";
import { type MembershipConfig, parseMembership } from "./membership/config.ts";

/** A flag that cannot be used as given. `flag` is its name without dashes. Nothing has been read or written yet. */
export class ConfigError extends AgentError<{ code: "config.invalid"; flag: string }> {
  override readonly name = "ConfigError";
  constructor(flag: string, problem: string) {
    super(`--${flag}: ${problem}`, { code: "config.invalid", flag });
  }
}

/** The flags of `agent run` by name, as text; absent ones are undefined. cli/run/ declares the same names. */
export type RunFlags = { readonly [name: string]: string | undefined };

/** Where to listen: a host name or address, and a port. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The flag that said so, for errors. */
  readonly flag: string;
}

/** One member as `--initial-cluster` names it. Peer URLs are sorted. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** What a raft member needs besides what every agent needs. */
export interface ServerConfig {
  readonly dataDir: string;
  readonly initialCluster: readonly InitialMember[];
  readonly clusterToken: string;
  readonly advertisePeerUrls: readonly string[];
  readonly listenPeer: readonly ListenAddress[];
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** A snapshot is recorded, and the log cut, after this many entries or bytes, whichever comes first. */
  readonly snapshotCount: number;
  readonly snapshotBytes: number;
  /** Watchers that asked for it, and heard nothing since, are told this often how far they are (etcd.md 5.12). */
  readonly watchProgressMs: number;
  readonly auth: AuthOptions;
  readonly membership: MembershipConfig;
  readonly maintenance: MaintenanceConfig;
  readonly limits: LimitsConfig;
}

/** Where the key-value store is: in this process, at our servers, or an etcd cluster that somebody else runs. */
export type StoreConfig =
  | { readonly type: "member"; readonly server: ServerConfig }
  | { readonly type: "servers"; readonly endpoints: readonly string[] }
  | { readonly type: "etcd"; readonly endpoints: readonly string[] };

export interface AgentConfig {
  readonly name: string;
  /** A server has a raft member; an agent that uses an external etcd is a worker of that. */
  readonly role: "server" | "worker";
  readonly dataDir: string;
  readonly store: StoreConfig;
  readonly listenClient: readonly ListenAddress[];
  readonly advertiseClientUrls: readonly string[];
  /** How long a machine may be silent before its units move (fleet.md 10, agent_ttl). */
  readonly agentTtlMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly units: "auto" | "off";
  readonly network: {
    readonly mode: "auto" | "off";
    readonly iface: string | undefined;
    readonly publicIp: string | undefined;
    readonly prefix: string;
    readonly subnetFile: string;
  };
  readonly log: { readonly level: string; readonly format: "json" | "text" };
  readonly metrics: {
    /** Whether the duration of every gRPC call is measured. */
    readonly extensive: boolean;
    /** Where the monitoring endpoints are served besides the client port. */
    readonly listen: readonly ListenAddress[];
  };
  readonly gateway: GatewayConfig;
  readonly grpc: GrpcServerOptions;
}

const logLevels = ["debug", "info", "warn", "error"];

/** Checks the flags and fills in defaults. Throws ConfigError with the first flag that cannot stand. */
export function parseConfig(flags: RunFlags): AgentConfig {
  const name = flags.name ?? hostname();
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    throw new ConfigError("name", `"${name}" is not a name; use letters, digits, dot, dash and underscore`);
  }
  const role = oneOf(flags, "role", ["server", "worker"] as const, "server");
  const dataDir = flags["data-dir"] ?? "data";
  if (dataDir === "") throw new ConfigError("data-dir", "is empty; give the path of a directory");
  const store = parseStore(flags, name, role, dataDir);
  const client = parseClient(flags, store);
  const level = oneOf(flags, "log-level", logLevels, "info");
  return {
    name,
    role: store.type === "member" ? "server" : "worker",
    dataDir,
    store,
    ...client,
    agentTtlMs: duration(flags, "agent-ttl", 30_000, { min: 1_000, max: 86_400_000 }),
    metadata: parseMetadata(flags.metadata ?? ""),
    units: oneOf(flags, "units", ["auto", "off"] as const, "auto"),
    network: {
      mode: oneOf(flags, "network", ["auto", "off"] as const, "auto"),
      iface: flags.iface,
      publicIp: publicIp(flags["public-ip"]),
      prefix: absolutePath(flags, "network-prefix", "/coreos.com/network"),
      subnetFile: absolutePath(flags, "subnet-file", "/run/flannel/subnet.env"),
    },
    log: { level, format: oneOf(flags, "log-format", ["json", "text"] as const, "json") },
    metrics: parseMetrics(flags),
    gateway: parseGateway(flags),
    grpc: parseGrpc(flags),
  };
}

function parseStore(flags: RunFlags, name: string, role: "server" | "worker", dataDir: string): StoreConfig {
  const servers = flags.servers;
  const etcd = flags["etcd-endpoints"];
  if (servers !== undefined && etcd !== undefined) {
    throw new ConfigError("etcd-endpoints", "cannot be given together with --servers; choose one store");
  }
  if (etcd !== undefined) {
    if (flags["initial-cluster"] !== undefined) {
      throw new ConfigError(
        "initial-cluster",
        "has no meaning with --etcd-endpoints: the store is elsewhere",
      );
    }
    return { type: "etcd", endpoints: urls("etcd-endpoints", etcd) };
  }
  if (role === "worker") {
    if (servers === undefined) {
      throw new ConfigError("servers", "is needed by a worker: give the client URLs of the servers");
    }
    return { type: "servers", endpoints: urls("servers", servers) };
  }
  if (servers !== undefined) {
    throw new ConfigError(
      "servers",
      "is for workers; add --role worker, or use --initial-cluster for a server",
    );
  }
  return { type: "member", server: parseServer(flags, name, dataDir) };
}

function parseServer(flags: RunFlags, name: string, dataDir: string): ServerConfig {
  const explicit = flags["initial-advertise-peer-urls"];
  const initialCluster = flags["initial-cluster"]
    ? parseInitialCluster(flags["initial-cluster"])
    : [
        {
          name,
          peerUrls: explicit
            ? urls("initial-advertise-peer-urls", explicit).sort()
            : ["http://localhost:2380"],
        },
      ];
  const own = initialCluster.find((member) => member.name === name);
  if (!own) {
    const names = initialCluster.map((member) => member.name).join(", ");
    throw new ConfigError(
      "initial-cluster",
      `does not name this member "${name}" (it names: ${names}); fix --name or --initial-cluster`,
    );
  }
  const advertisePeerUrls = explicit ? urls("initial-advertise-peer-urls", explicit).sort() : own.peerUrls;
  if (advertisePeerUrls.join() !== own.peerUrls.join()) {
    throw new ConfigError(
      "initial-advertise-peer-urls",
      `${advertisePeerUrls.join(",")} differs from what --initial-cluster says of "${name}": ${own.peerUrls.join(",")}`,
    );
  }
  const heartbeatMs = integer(flags, "heartbeat-interval", 100, { min: 10, max: 10_000 });
  const electionMs = integer(flags, "election-timeout", 1000, { min: 50, max: 50_000 });
  if (electionMs < 5 * heartbeatMs) {
    throw new ConfigError(
      "election-timeout",
      `${electionMs} ms is less than 5 heartbeat intervals (${heartbeatMs} ms each)`,
    );
  }
  const listen = flags["listen-peer-urls"];
  return {
    dataDir,
    initialCluster,
    clusterToken: flags["initial-cluster-token"] ?? "etcd-cluster",
    advertisePeerUrls,
    listenPeer: listen
      ? urls("listen-peer-urls", listen).map((url) => listenAddress("listen-peer-urls", url))
      : advertisePeerUrls.map((url) =>
          listenAddress(flags["initial-cluster"] ? "initial-cluster" : "listen-peer-urls", url),
        ),
    heartbeatMs,
    electionMs,
    snapshotCount: integer(flags, "snapshot-count", 10_000, { min: 10, max: 100_000_000 }),
    snapshotBytes: integer(flags, "snapshot-bytes", 64 << 20, { min: 64 << 10, max: 2 ** 40 }),
    watchProgressMs: duration(flags, "watch-progress-notify-interval", 600_000, {
      min: 100,
      max: 86_400_000,
    }),
    auth: parseAuth(flags),
    membership: parseMembership(flags),
    maintenance: parseMaintenance(flags),
    limits: parseLimits(flags),
  };
}

/**
 * Clients are served on loopback unless flags say otherwise, or the member's own peer URL names another address: then on
 * that address too, since the other members' agents have to reach it.
 */
function parseClient(
  flags: RunFlags,
  store: StoreConfig,
): Pick<AgentConfig, "listenClient" | "advertiseClientUrls"> {
  const listen = flags["listen-client-urls"];
  const advertise = flags["advertise-client-urls"];
  const peerHosts =
    store.type === "member" ? store.server.advertisePeerUrls.map((url) => new URL(url).hostname) : [];
  const outside = peerHosts.filter((host) => !isLoopback(host));
  const listenClient = listen
    ? urls("listen-client-urls", listen).map((url) => listenAddress("listen-client-urls", url))
    : ["127.0.0.1", ...outside].map((host) => ({
        host: unbracket(host),
        port: 2379,
        flag: "listen-client-urls",
      }));
  if (advertise !== undefined)
    return { listenClient, advertiseClientUrls: urls("advertise-client-urls", advertise) };
  const reachable = listenClient.filter((address) => address.host !== "0.0.0.0" && address.host !== "::");
  const preferred = reachable.filter((address) => !isLoopback(address.host));
  const chosen = preferred.length > 0 ? preferred : reachable;
  if (chosen.length === 0 && outside.length === 0 && listen !== undefined) {
    return { listenClient, advertiseClientUrls: [`http://${hostname()}:${listenClient[0]!.port}`] };
  }
  const advertiseClientUrls =
    chosen.length > 0
      ? chosen.map((address) => `http://${bracket(address.host)}:${address.port}`)
      : outside.map((host) => `http://${host}:${listenClient[0]!.port}`);
  return { listenClient, advertiseClientUrls };
}

/** `n1=http://h1:2380,n2=http://h2:2380,n2=http://h2b:2380`: a name may repeat, one URL each (etcd.md 15.2). */
function parseInitialCluster(text: string): InitialMember[] {
  const members = new Map<string, string[]>();
  const seen = new Map<string, string>();
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const at = part.indexOf("=");
    if (at <= 0)
      throw new ConfigError("initial-cluster", `"${part}" is not of the form name=http://host:port`);
    const name = part.slice(0, at);
    const url = peerUrl(part.slice(at + 1));
    const other = seen.get(url);
    if (other !== undefined)
      throw new ConfigError("initial-cluster", `${url} is given twice (${other}, ${name})`);
    seen.set(url, name);
    members.set(name, [...(members.get(name) ?? []), url]);
  }
  return [...members].map(([name, peerUrls]) => ({ name, peerUrls: peerUrls.sort() }));
}

function peerUrl(text: string): string {
  return urls("initial-cluster", text)[0]!;
}

/** A comma list of http://host:port URLs without path. */
export function urls(flag: string, text: string): string[] {
  const list = text
    .split(",")
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "");
  if (list.length === 0) throw new ConfigError(flag, "is empty; give URLs such as http://10.0.0.1:2379");
  return list.map((piece) => {
    const url = URL.canParse(piece) ? new URL(piece) : null;
    if (!url || url.hostname === "")
      throw new ConfigError(flag, `"${piece}" is not a URL such as http://10.0.0.1:2379`);
    if (url.protocol === "https:")
      throw new ConfigError(flag, `"${piece}": TLS is not in this version yet; use http://`);
    if (url.protocol !== "http:") throw new ConfigError(flag, `"${piece}" must start with http://`);
    if (url.port === "")
      throw new ConfigError(flag, `"${piece}" has no port; write http://${url.hostname}:2379`);
    if ((url.pathname !== "/" && url.pathname !== "") || url.search !== "" || url.username !== "") {
      throw new ConfigError(flag, `"${piece}" must be scheme, host and port only`);
    }
    return `http://${url.host}`;
  });
}

export function listenAddress(flag: string, text: string): ListenAddress {
  const url = new URL(text);
  const port = Number(url.port);
  if (port < 1) throw new ConfigError(flag, `"${text}" has no usable port`);
  // By RFC 6761 the name is loopback; a minimal host has no /etc/hosts that says so.
  return { host: url.hostname === "localhost" ? "127.0.0.1" : unbracket(url.hostname), port, flag };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.startsWith("127.") || host === "::1" || host === "[::1]";
}

function unbracket(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function bracket(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** `k=v,k=v`; the last of equal keys wins (fleet.md 10). */
function parseMetadata(text: string): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const part of text.split(",").map((piece) => piece.trim())) {
    if (part === "") continue;
    const at = part.indexOf("=");
    if (at <= 0) throw new ConfigError("metadata", `"${part}" is not of the form key=value`);
    metadata[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  }
  return metadata;
}

function publicIp(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(".");
  const valid = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  if (!valid) throw new ConfigError("public-ip", `"${text}" is not an IPv4 address such as 10.0.0.1`);
  return text;
}

function absolutePath(flags: RunFlags, flag: string, fallback: string): string {
  const value = flags[flag] ?? fallback;
  if (!value.startsWith("/")) throw new ConfigError(flag, `"${value}" must start with /`);
  return value.length > 1 && value.endsWith("/") ? value.slice(0, -1) : value;
}

/** A switch: absent, `true` or `false`. */
export function boolean(flags: RunFlags, flag: string, fallback: boolean): boolean {
  return oneOf(flags, flag, ["true", "false"] as const, fallback ? "true" : "false") === "true";
}

export function oneOf<Choice extends string>(
  flags: RunFlags,
  flag: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const value = flags[flag];
  if (value === undefined) return fallback;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new ConfigError(flag, `"${value}" is not one of ${choices.join(", ")}`);
  return choice;
}

export function integer(
  flags: RunFlags,
  flag: string,
  fallback: number,
  range: { min: number; max: number },
): number {
  const text = flags[flag];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < range.min || value > range.max) {
    throw new ConfigError(flag, `"${text}" is not a whole number from ${range.min} to ${range.max}`);
  }
  return value;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go-style duration: `30s`, `1m30s`, `500ms`. Milliseconds. */
export function duration(
  flags: RunFlags,
  flag: string,
  fallback: number,
  range: { min: number; max: number },
): number {
  const text = flags[flag];
  if (text === undefined) return fallback;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const valueMs = parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) {
    throw new ConfigError(flag, `"${text}" is not a duration such as 30s or 1m30s`);
  }
  if (valueMs < range.min || valueMs > range.max) {
    throw new ConfigError(flag, `"${text}" is not between ${range.min / 1000}s and ${range.max / 1000}s`);
  }
  return valueMs;
}
