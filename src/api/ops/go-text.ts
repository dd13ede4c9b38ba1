/** Plain-text answers as Go's net/http writes errors, which is what clients of etcd see (etcd.md section 13). */
import type { FastifyReply, FastifyRequest, HTTPMethods } from "fastify";

/** Methods that a path answers itself, if only with 405. OPTIONS is left to whoever answers cross-origin requests. */
export const everyMethod: HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

export const plainText = "text/plain; charset=utf-8";

/** An error: the text and a line feed. */
export function goError(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header("x-content-type-options", "nosniff").type(plainText).send(`${text}\n`);
}

/** Answers anything but GET with 405, before a body is read: as etcd does, whatever that body is. */
export async function onlyGet(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  if (request.method === "GET") return undefined;
  return goError(reply.header("allow", "GET"), 405, "Method Not Allowed");
}

/** All values of a query parameter; none if it is absent. */
export function queryValues(request: FastifyRequest, name: string): string[] {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  return value === undefined ? [] : [value].flat();
}
