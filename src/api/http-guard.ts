/**
 * Our own HTTP interfaces (fleet's, the agent's) reach the store as the agent itself. While auth is on, whatever could change
 * something there needs a user with role root. Closed by default: every request that is not a plain read is asked, except
 * for what judges its callers itself or changes nothing in the store.
 */
import type { onRequestAsyncHookHandler } from "fastify";

export type HttpVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: 401 | 403 | 503; readonly problem: string };

export interface HttpGuard {
  /** Judges by the Authorization header. */
  mayChange(authorization: string | undefined): Promise<HttpVerdict>;
}

const reading: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/**
 * The JSON gateway and the v2 API know their callers; health answers any method with 405; reports of machines are kept in
 * memory and come from agents, which have no user.
 */
const judgedElsewhere =
  /^\/(?:v3|v3beta|v3alpha|v2)\/|^\/(?:health|livez|readyz)(?:[/?]|$)|^\/argosy\/v1\/machines\/[^/]+\/report$/;

/** A hook for the root instance. */
export function requireRootForChanges(guard: HttpGuard): onRequestAsyncHookHandler {
  return async (request, reply) => {
    if (reading.has(request.method) || judgedElsewhere.test(request.url)) return;
    const verdict = await guard.mayChange(request.headers.authorization);
    if (verdict.ok) return;
    if (verdict.status === 401) reply.header("www-authenticate", 'Basic realm="argosy"');
    await reply.code(verdict.status).send({ message: verdict.problem });
  };
}
