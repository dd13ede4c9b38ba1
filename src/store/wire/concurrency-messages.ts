/** Messages of v3lockpb and v3electionpb (etcd.md sections 3 and 10), in the same form as messages.ts. */
import { KeyValue, ResponseHeader } from "./messages.ts";
import { bytes, type Infer, id64, int64, message, nested } from "./protobuf.ts";

const header = nested(1, () => ResponseHeader);

export const LockRequest = message({ name: bytes(1), lease: id64(2) });
export type LockRequest = Infer<typeof LockRequest>;
export const LockResponse = message({ header, key: bytes(2) });
export type LockResponse = Infer<typeof LockResponse>;
export const UnlockRequest = message({ key: bytes(1) });
export type UnlockRequest = Infer<typeof UnlockRequest>;
export const UnlockResponse = message({ header });
export type UnlockResponse = Infer<typeof UnlockResponse>;

export const LeaderKey = message({ name: bytes(1), key: bytes(2), rev: int64(3), lease: id64(4) });
export type LeaderKey = Infer<typeof LeaderKey>;
const leader = nested(1, () => LeaderKey);
export const CampaignRequest = message({ name: bytes(1), lease: id64(2), value: bytes(3) });
export type CampaignRequest = Infer<typeof CampaignRequest>;
export const CampaignResponse = message({ header, leader: nested(2, () => LeaderKey) });
export type CampaignResponse = Infer<typeof CampaignResponse>;
export const LeaderRequest = message({ name: bytes(1) });
export type LeaderRequest = Infer<typeof LeaderRequest>;
export const LeaderResponse = message({ header, kv: nested(2, () => KeyValue) });
export type LeaderResponse = Infer<typeof LeaderResponse>;
export const ProclaimRequest = message({ leader, value: bytes(2) });
export type ProclaimRequest = Infer<typeof ProclaimRequest>;
export const ProclaimResponse = message({ header });
export type ProclaimResponse = Infer<typeof ProclaimResponse>;
export const ResignRequest = message({ leader });
export type ResignRequest = Infer<typeof ResignRequest>;
export const ResignResponse = message({ header });
export type ResignResponse = Infer<typeof ResignResponse>;
