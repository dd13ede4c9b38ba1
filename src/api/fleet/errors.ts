/** Answers of fleet's API that are failures (fleet.md 1.1), and how our errors become them. */
import type { FastifyReply } from "fastify";
import { AgentError } from "../../base/errors.ts";
import { KvError } from "../../store/kv.ts";
import { UnitsError } from "../../units/errors.ts";

/** fleetctl's tests look for this text. */
const noStore = "fleet server unable to communicate with etcd";

const storeIsAway = new Set<string>([
  "kv.no-leader",
  "kv.unavailable",
  "kv.timeout",
  "kv.timeout-leader-lost",
  "kv.timeout-connection-lost",
  "kv.leader-changed",
  "kv.stopped",
]);

export function replyError(reply: FastifyReply, code: number, message = ""): FastifyReply {
  return reply
    .code(code)
    .type("application/json")
    .send(JSON.stringify({ error: { code, message } }));
}

/** Anything thrown, as an answer: 503 while there is nobody to ask, fastify's own refusals as they are, else 500. */
export function replyThrown(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof UnitsError && error.code === "units.no-leader") return replyError(reply, 503, noStore);
  if (error instanceof KvError)
    return storeIsAway.has(error.code) ? replyError(reply, 503, noStore) : replyError(reply, 500);
  if (error instanceof AgentError) return replyError(reply, 500, error.message);
  const { statusCode, message } = error as { statusCode?: unknown; message?: unknown };
  if (typeof statusCode === "number" && statusCode < 500)
    return replyError(reply, statusCode, String(message));
  throw error;
}
