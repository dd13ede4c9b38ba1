/**
 * The network configuration over HTTP: GET gives the stored text, PUT checks it with the network core's own parser and
 * stores it as it came, since flannel reads the same key (flannel.md 1, 2).
 */
import { utf8 } from "../../base/bytes.ts";
import { parseNetworkConfig } from "../../network/config.ts";
import type { KvClient } from "../../store/kv.ts";
import { AgentApiError } from "./errors.ts";

/** Key of the configuration below `prefix` (flannel.md 2). */
export function networkConfigKey(prefix: string): string {
  return `${prefix}/config`;
}

/** The stored text. Throws AgentApiError `agent-api.no-network-config`, or KvError. */
export async function readNetworkConfig(kv: KvClient, prefix: string, signal: AbortSignal): Promise<string> {
  const key = networkConfigKey(prefix);
  const { kvs } = await kv.range({ key: utf8.encode(key) }, { signal });
  const found = kvs[0];
  if (found) return utf8.decode(found.value);
  const message = `no network is configured; set one with: agent net config set '{"Network":"10.5.0.0/16"}'`;
  throw new AgentApiError(message, { code: "agent-api.no-network-config" });
}

/** Stores `text` if it is a valid configuration. Throws AgentApiError (nothing written), or KvError. */
export async function writeNetworkConfig(
  kv: KvClient,
  prefix: string,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const verdict = parseNetworkConfig(text);
  if (!verdict.ok) throw new AgentApiError(verdict.problem, { code: "agent-api.invalid-network-config" });
  await kv.put({ key: utf8.encode(networkConfigKey(prefix)), value: utf8.encode(text) }, { signal });
}
