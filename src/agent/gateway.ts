/** The JSON gateway of this agent: its flags, and what of it goes into the client port (etcd.md 12.7, 12.8). */
import type { FastifyInstance } from "fastify";
import { Access, type AccessOptions } from "../api/gateway/access.ts";
import { Gateway } from "../api/gateway/gateway.ts";
import { accessPlugin, gatewayPlugin } from "../api/gateway/plugin.ts";
import type { GrpcMethods, GrpcObserver } from "../api/transport/grpc-method.ts";
import type { Clock, Logger } from "../base/ports.ts";
import { type AgentConfig, boolean, ConfigError, type RunFlags } from "./config.ts";
import { receiveLimit } from "./limits.ts";

export interface GatewayConfig extends AccessOptions {
  /** Whether /v3 is served at all. */
  readonly enabled: boolean;
}

/** Throws ConfigError. */
export function parseGateway(flags: RunFlags): GatewayConfig {
  return {
    enabled: boolean(flags, "enable-grpc-gateway", true),
    cors: list("cors", flags.cors),
    hostWhitelist: list("host-whitelist", flags["host-whitelist"]),
  };
}

/**
 * Registers access rules and gateway; must come before the other plugins. Gives what has to be closed before the port. The
 * names under which the other agents know this one are its own, whatever the whitelist says.
 */
export async function registerGateway(
  http: FastifyInstance,
  config: Pick<AgentConfig, "gateway" | "advertiseClientUrls" | "store">,
  modules: { methods: GrpcMethods; observer: GrpcObserver; clock: Clock; logger: Logger },
): Promise<Gateway | undefined> {
  const { enabled, cors, hostWhitelist } = config.gateway;
  const own = config.advertiseClientUrls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ""));
  const access = new Access({
    cors,
    hostWhitelist: hostWhitelist.length > 0 ? [...hostWhitelist, ...own] : [],
  });
  await http.register(accessPlugin(access));
  if (!enabled) return undefined;
  const { methods, ...rest } = modules;
  const { store } = config;
  const limits = store.type === "member" ? { txnOperationsMax: store.server.limits.txnOperationsMax } : {};
  const gateway = new Gateway({ methods, ...receiveLimit(config), ...limits }, rest);
  await http.register(gatewayPlugin(gateway, access));
  return gateway;
}

/** A comma list; absent is empty, which allows all. */
function list(flag: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new ConfigError(flag, `"${text}" has an empty name; give names with commas`);
  return names;
}
