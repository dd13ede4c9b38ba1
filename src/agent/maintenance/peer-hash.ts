/**
 * How members ask each other for their hashes: calls of the peer transport (peer-calls.ts) that any member answers. The
 * body is the HashKV message of the API both ways.
 *
 *   hash-kv           of what is applied now; also before the member has begun to take part (initial check)
 *   hash-kv-settled   after everything that was committed when the call came
 */
import type { MemberId } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { KvError } from "../../store/errors.ts";
import { HashKVRequest, HashKVResponse } from "../../store/wire/admin-messages.ts";
import { decodeAnswer, encodeError, encodeResult } from "../peer-calls.ts";
import { within } from "../within.ts";
import type { MemberHash } from "./corruption.ts";
import type { Hasher, KvHash } from "./hasher.ts";

export type HashMethod = "hash-kv" | "hash-kv-settled";

/** A hash of a large store takes its time, in slices between other work. */
const answerTimeoutMs = 120_000;

export type CallPeer = (
  to: MemberId,
  method: string,
  payload: Uint8Array,
  signal: AbortSignal,
) => Promise<Uint8Array>;

/** Answers a hash call; null for any other method. Never rejects. */
export function answerHashCall(
  method: string,
  payload: Uint8Array,
  modules: { hasher: Hasher; barrier: () => Promise<void> },
): Promise<Uint8Array> | null {
  if (method !== "hash-kv" && method !== "hash-kv-settled") return null;
  return answer(method, payload, modules).catch((error: unknown) => encodeError(error));
}

async function answer(
  method: HashMethod,
  payload: Uint8Array,
  { hasher, barrier }: { hasher: Hasher; barrier: () => Promise<void> },
): Promise<Uint8Array> {
  const { revision } = HashKVRequest.decode(payload);
  if (method === "hash-kv-settled") await barrier();
  const hash = await hasher.hash(revision);
  const header = { cluster_id: 0n, member_id: 0n, revision: hash.revision, raft_term: 0n };
  return encodeResult(
    HashKVResponse.encode({
      header,
      hash: hash.hash,
      compact_revision: hash.compactRevision,
      hash_revision: hash.hashRevision,
    }),
  );
}

/** Asks one peer. Throws the peer's KvError, or PeerError. */
export type AskForHash = (to: MemberId, method: HashMethod, revision: number) => Promise<KvHash>;

export function hashAsker(modules: { readonly call: CallPeer; readonly clock: Clock }): AskForHash {
  return async (to, method, revision) => {
    const payload = HashKVRequest.encode({ revision });
    const answer = await within(modules.clock, answerTimeoutMs, (signal) =>
      modules.call(to, method, payload, signal),
    );
    return decodeHash(decodeAnswer(answer));
  };
}

export function hashOfPeer(member: MemberId, { hash, compactRevision }: KvHash): MemberHash {
  return { member, hash, compactRevision };
}

function decodeHash(bytes: Uint8Array): KvHash {
  const response = HashKVResponse.decode(bytes);
  if (!response.header) throw new KvError("kv.unknown", "a hash without a header");
  return {
    hash: response.hash,
    compactRevision: response.compact_revision,
    hashRevision: response.hash_revision,
    revision: response.header.revision,
  };
}
