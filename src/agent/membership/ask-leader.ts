/** An admin rpc that only the leader can answer, wherever it was received: answered here, or asked of the leader. */
import type { MemberId } from "../../base/ids.ts";
import { type AdminRequest, type AdminResponse, type AdminRpc, adminRpcs } from "../../store/admin.ts";
import { KvError } from "../../store/errors.ts";
import type { CallOptions } from "../../store/kv.ts";
import type { Codec } from "../../store/wire/protobuf.ts";
import { decodeAnswer } from "../peer-calls.ts";
import { encodeForwarded } from "./forwarded.ts";

export interface AskLeaderModules {
  readonly self: MemberId;
  readonly timeoutMs: number;
  readonly leader: () => MemberId | null;
  /** Resolves when this member has a leader and all that was acknowledged before. */
  readonly barrier: (signal?: AbortSignal) => Promise<void>;
  /** Answers here; takes and gives what `call` does, but for the envelope of the answer (peer-calls.ts). */
  readonly answer: (name: AdminRpc, payload: Uint8Array) => Promise<Uint8Array>;
  readonly call: (
    to: MemberId,
    method: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
}

/**
 * Throws what the leader answered, `kv.leader-changed` if it led no more and did nothing, or `kv.canceled`, `kv.timeout` and
 * `kv.timeout-connection-lost`: then it may or may not have been done. So it is asked once only.
 */
export async function askLeader<Name extends AdminRpc>(
  name: Name,
  request: AdminRequest<Name>,
  options: CallOptions,
  modules: AskLeaderModules,
): Promise<AdminResponse<Name>> {
  // The table pairs each name with its codecs; the compiler cannot follow that through a union of names.
  const codecs = adminRpcs[name] as unknown as {
    request: Codec<AdminRequest<Name>>;
    response: Codec<AdminResponse<Name>>;
  };
  const body = codecs.request.encode(request as Parameters<typeof codecs.request.encode>[0]);
  const payload = encodeForwarded(options.caller, body);
  if (modules.leader() === null) await modules.barrier(options.signal);
  const leader = modules.leader();
  if (leader === null) throw new KvError("kv.no-leader");
  if (leader === modules.self) return codecs.response.decode(await modules.answer(name, payload));
  const limit = AbortSignal.timeout(modules.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    const answer = codecs.response.decode(decodeAnswer(await modules.call(leader, name, payload, signal)));
    // What the caller asks this member next shall know of it. One that was removed will never hear of it that way.
    const isOwnEnd = name === "MemberRemove" && (request as AdminRequest<"MemberRemove">).ID === modules.self;
    if (!isOwnEnd) await modules.barrier(options.signal).catch(() => {});
    return answer;
  } catch (cause) {
    if (cause instanceof KvError && cause.code === "kv.not-leader") throw new KvError("kv.leader-changed");
    if (cause instanceof KvError) throw cause;
    if (options.signal?.aborted) throw new KvError("kv.canceled", undefined, { cause });
    if (limit.aborted) throw new KvError("kv.timeout", undefined, { cause });
    throw new KvError("kv.timeout-connection-lost", undefined, { cause });
  }
}
