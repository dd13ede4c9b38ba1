/** PUT /units/{name}: checks 1 to 3 of fleet.md 1.5 and the answer; the others are the unit store's. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { messageOf } from "../../base/errors.ts";
import type { UnitsService } from "../../units/service.ts";
import { replyError } from "./errors.ts";
import { readUnitBody, type UnitBody } from "./unit-body.ts";

export async function putUnit(
  units: UnitsService,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
): Promise<FastifyReply> {
  const typeProblem = contentTypeProblem(request.raw.rawHeaders);
  if (typeProblem) return replyError(reply, 415, typeProblem);
  let body: UnitBody;
  try {
    body = readUnitBody(typeof request.body === "string" ? request.body : "");
  } catch (error) {
    return replyError(reply, 400, `unable to decode body: ${messageOf(error)}`);
  }
  if (body.name && body.name !== name) {
    const message = `name in URL "${name}" differs from unit name in request body "${body.name}"`;
    return replyError(reply, 400, message);
  }
  const change = await units.putUnit(name, body.options, body.desiredState);
  if (change.type === "refused") return replyError(reply, change.status, change.message);
  return reply.code(change.type === "stored" && change.created ? 201 : 204).send();
}

/** Node keeps only the first of several Content-Type headers, so they are counted in the raw ones. */
function contentTypeProblem(rawHeaders: readonly string[]): string | undefined {
  const types = rawHeaders.filter(
    (_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === "content-type",
  );
  if (types.length !== 1) return `expected 1 Content-Type, got ${types.length}`;
  const media = types[0]!.split(";")[0]!.trim().toLowerCase();
  return media === "application/json" ? undefined : "only acceptable Content-Type is application/json";
}
