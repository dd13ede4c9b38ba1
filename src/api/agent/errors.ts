/** Failures of /argosy/v1 and their HTTP form: `{"error":{"code","message"}}`. */
import type { FastifyReply } from "fastify";
import { AgentError } from "../../base/errors.ts";

export type AgentApiErrorDetail =
  /** The body is not a network configuration; nothing was written. */
  | { readonly code: "agent-api.invalid-network-config" }
  /** No network configuration has been set. */
  | { readonly code: "agent-api.no-network-config" };

export class AgentApiError extends AgentError<AgentApiErrorDetail> {
  override readonly name = "AgentApiError";
}

/** The HTTP status of each code; what is not listed is the store's or a part's own failure to answer now. */
const statusOf: Readonly<Record<string, number>> = {
  "agent-api.invalid-network-config": 400,
  "agent-api.no-network-config": 404,
  "kv.request-too-large": 413,
  "kv.no-space": 507,
  "kv.too-many-requests": 429,
};

/** Answers with an operating error. Anything else is a bug and is thrown on. */
export function replyWithError(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof AgentError)) throw error;
  const status = statusOf[error.code] ?? 503;
  return reply.code(status).send({ error: { code: error.code, message: error.message } });
}
