/**
 * How the two services report errors. etcd runs them on its own client library inside the server, whose errors have a text and
 * no code: every refusal of the store arrives as Unknown with the right text (found with etcd 3.4; the quirk of etcd.md 11).
 */
import { KvError } from "../../../store/kv.ts";
import { GrpcCode } from "../../../store/wire/grpc-code.ts";
import { statusOfKvError } from "../../../store/wire/status.ts";
import { GrpcError } from "../../transport/errors.ts";

/** Codes that tell the client's library what to do next; there the quirk would do harm. */
const kept: readonly number[] = [GrpcCode.UNAVAILABLE, GrpcCode.CANCELED, GrpcCode.UNAUTHENTICATED];

/** The same outcome, a refusal without its code. */
export async function plainly<Answer>(work: Promise<Answer>): Promise<Answer> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const { code, message } = statusOfKvError(error);
    throw kept.includes(code) ? error : new GrpcError(GrpcCode.UNKNOWN, message, { cause: error });
  }
}
