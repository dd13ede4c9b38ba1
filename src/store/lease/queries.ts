/** The read-only calls of the lease service, from the lease table and the clock of the member that answers (etcd.md 6). */
import { fromLatin1 } from "../../base/bytes.ts";
import { type Instant, LeaseId } from "../../base/ids.ts";
import { headerOf } from "../header.ts";
import type * as wire from "../wire/messages.ts";
import type { Leases } from "./lease-clock.ts";

/** An unknown lease has TTL -1. */
export function leaseTimeToLive(
  leases: Leases,
  request: wire.LeaseTimeToLiveRequest,
  at: { revision: number; now: Instant },
): wire.LeaseTimeToLiveResponse {
  const header = headerOf(at.revision);
  const time = leases.timeToLive(LeaseId(request.ID), at.now, request.keys);
  if (time === null) return { header, ID: request.ID, TTL: -1, grantedTTL: 0, keys: [] };
  const keys = time.keys.map(fromLatin1);
  return { header, ID: request.ID, TTL: time.ttlSeconds, grantedTTL: time.grantedTtlSeconds, keys };
}

/** An unknown or expired lease has TTL 0, which is not an error. */
export function leaseKeepAlive(
  leases: Leases,
  request: wire.LeaseKeepAliveRequest,
  at: { revision: number; now: Instant },
): wire.LeaseKeepAliveResponse {
  const ttl = leases.renew(LeaseId(request.ID), at.now);
  return { header: headerOf(at.revision), ID: request.ID, TTL: ttl ?? 0 };
}

export function leaseLeases(leases: Leases, revision: number): wire.LeaseLeasesResponse {
  return { header: headerOf(revision), leases: leases.list().map((ID) => ({ ID })) };
}
