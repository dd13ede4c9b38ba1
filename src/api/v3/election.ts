/** v3electionpb.Election (etcd.md 10): the same line as a lock's, with a value that tells who leads. */
import { equalBytes } from "../../base/bytes.ts";
import { type CallOptions, type KvClient, KvError } from "../../store/kv.ts";
import {
  CampaignRequest,
  CampaignResponse,
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
} from "../../store/wire/concurrency-messages.ts";
import type { ResponseHeader } from "../../store/wire/messages.ts";
import type { StreamMethod, UnaryMethod } from "../transport/grpc-method.ts";
import { enter, leaseOf, leave, onBehalf, stillThere, untilFirst } from "./concurrency/line.ts";
import { leaderOf, observe } from "./concurrency/observe.ts";
import { plainly } from "./concurrency/plainly.ts";
import type { Gate } from "./gate.ts";
import { answerWithStream } from "./stream.ts";
import { unary } from "./unary.ts";

/** Waits until nobody is in front. Again with the same lease: holds, and says the new value. */
export function electionCampaign(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(CampaignRequest, CampaignResponse, gate, (request, options) =>
    plainly(campaign(kv, request, options)),
  );
}

export function electionProclaim(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(ProclaimRequest, ProclaimResponse, gate, async ({ leader, value }, options) => {
    if (!leader) throw new KvError("election.leader-missing");
    return { header: await plainly(proclaim(kv, leader, value, options)) };
  });
}

export function electionLeader(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(LeaderRequest, LeaderResponse, gate, ({ name }, options) =>
    plainly(leaderOf(kv, name, options)),
  );
}

export function electionObserve(kv: KvClient, gate: Gate): StreamMethod {
  return answerWithStream(LeaderRequest, LeaderResponse, gate, ({ name }, options) =>
    observe(kv, name, options),
  );
}

/** Who does not lead any more has resigned already. */
export function electionResign(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(ResignRequest, ResignResponse, gate, async ({ leader }, options) => {
    if (!leader) throw new KvError("election.leader-missing");
    return { header: await plainly(leave(kv, { key: leader.key, revision: leader.rev }, options)) };
  });
}

async function campaign(
  kv: KvClient,
  request: CampaignRequest,
  options: CallOptions,
): Promise<CampaignResponse> {
  const { name, value } = request;
  const lease = await leaseOf(kv, request.lease, options);
  const entry = await enter(kv, { name, lease, value }, options);
  const { place, header } = entry;
  const leader = LeaderKey.create({ name, key: place.key, rev: place.revision, lease });
  if (!equalBytes(entry.value, value)) {
    try {
      await proclaim(kv, leader, value, options);
    } catch (error) {
      await leave(kv, place, options).catch(() => {});
      throw error;
    }
  }
  if (!entry.first) await untilFirst(kv, place, options);
  return { header, leader };
}

/** Says a new value; rejects with `election.not-leader` when the key is not the one that was won. */
async function proclaim(
  kv: KvClient,
  leader: LeaderKey,
  value: Uint8Array,
  options: CallOptions,
): Promise<ResponseHeader | undefined> {
  const { key, rev: revision } = leader;
  const lease = await leaseOf(kv, leader.lease, options);
  const answer = await kv.txn(
    {
      compare: [stillThere({ key, revision })],
      success: [{ request_put: { key, value, lease } }],
    },
    onBehalf(options),
  );
  if (!answer.succeeded) throw new KvError("election.not-leader");
  return answer.header;
}
