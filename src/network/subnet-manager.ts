/**
 * The subnet manager: how one host comes by its subnet lease and keeps it (flannel.md 3). A state machine without clock,
 * I/O or chance: the shell lists and writes the store, feeds the outcomes back and sets the one timer asked for.
 *
 *     resting -start/wake-> listing -> deleting -> listing          (own lease that the configuration no longer allows)
 *                           listing -> overwriting -> resting, held (own lease, by PublicIP: kept)
 *                           listing -> creating -> resting, held    (previous subnet if free, else a random free one)
 *     resting, held -wake-> overwriting -> resting, held            (renewal)
 *     resting, held -own key gone-> creating -> resting, held       (taken back in place)
 *     creating, overwriting, deleting -conflict-> listing           (somebody was faster: look again)
 *     any -failed-> resting -wake-> listing or overwriting
 *
 * `held` outlives every activity: losing the store, or even the lease, never takes the data plane down; only holding
 * another subnet changes it. Better than flannel in four places: it does not exit when its key vanishes (3.4), never takes
 * a subnet that another host holds (3.2b), renews by compare-and-put instead of last-writer-wins, and keeps a reservation
 * a reservation (3.3).
 */
import { assert, assertNever } from "../base/assert.ts";
import { Instant, type LeaseId } from "../base/ids.ts";
import { allocate, isCompatible, isFree } from "./allocate.ts";
import type { NetworkConfig } from "./config.ts";
import { formatPrefix, type Prefix } from "./ipv4.ts";
import {
  formatLeaseName,
  formatLeaseValue,
  type LeaseAttributes,
  type SubnetLease,
  sameAttributes,
} from "./lease.ts";

/** Life of a subnet lease in the store (flannel.md 3.1). */
export const leaseTtlSeconds = 86_400;
/** Pause before looking again after a failed list or write while no renewal is due. */
export const retryMs = 1_000;
/** Pause before a failed renewal is tried again (flannel.md 3.1). */
export const renewRetryMs = 60_000;
/** Lost races in a row after which the manager pauses instead of listing at once. */
export const racesMax = 10;

/** The lease that this host counts as its own. `modRevision` is the last write of ours, or the one that we took over. */
export interface HeldLease {
  readonly name: string;
  readonly subnet: Prefix;
  readonly modRevision: number;
  /** 0n for a reservation: never renewed, always written back without a lease. */
  readonly storeLease: LeaseId;
}

type Activity =
  | { readonly type: "resting"; readonly wakeAt: Instant | null; readonly next: "list" | "renew" }
  | { readonly type: "listing" }
  | { readonly type: "deleting" }
  | { readonly type: "creating"; readonly name: string; readonly subnet: Prefix }
  | {
      readonly type: "overwriting";
      /** As found in the store: an overwrite keeps a dual-stack name. */
      readonly name: string;
      readonly subnet: Prefix;
      readonly renewal: boolean;
    };

/** State of the manager. Only `step` changes it. */
export interface SubnetManager {
  readonly config: NetworkConfig;
  /** What we write into our lease; the PublicIP in it is our identity. */
  readonly attributes: LeaseAttributes;
  readonly renewMarginMs: number;
  /** The subnet of an earlier run or of a lost lease: preferred while it is free. */
  previous: Prefix | null;
  held: HeldLease | null;
  activity: Activity;
  /** Conflicts since the last success. */
  races: number;
}

export type SubnetEvent = { readonly now: Instant } & (
  | { readonly type: "start" }
  | { readonly type: "wake" }
  /** All leases in the order of their keys, and a number uniform below 2^32. */
  | { readonly type: "listed"; readonly leases: readonly SubnetLease[]; readonly random: number }
  /** A create or overwrite happened. */
  | { readonly type: "written"; readonly modRevision: number; readonly storeLease: LeaseId }
  | { readonly type: "deleted" }
  /** The key was not as the write expected it; nothing changed. */
  | { readonly type: "conflict" }
  /** The store did not answer, or refused; a write may or may not have happened. */
  | { readonly type: "failed"; readonly problem: string }
  /** What the store says at `revision` of the key that we hold: another value, or null for deleted or expired. */
  | { readonly type: "observed"; readonly lease: SubnetLease | null; readonly revision: number }
);

/** `list`, `create`, `overwrite` and `delete` are each answered by one event; there is never more than one outstanding. */
export type SubnetEffect =
  | { readonly type: "list" }
  /** Put if absent, with a new store lease. Answer: written, conflict or failed. */
  | { readonly type: "create"; readonly name: string; readonly value: string; readonly ttlSeconds: number }
  /** Put if the key is still at `modRevision`; with a new store lease, or with none for a reservation. */
  | {
      readonly type: "overwrite";
      readonly name: string;
      readonly value: string;
      readonly modRevision: number;
      readonly ttlSeconds: number | null;
      /** The store lease that the key leaves; revoked by the shell once the write happened, if it is the shell's own. */
      readonly replaces: LeaseId;
    }
  | { readonly type: "delete"; readonly name: string; readonly modRevision: number }
  /** From now on this is our subnet. */
  | { readonly type: "hold"; readonly subnet: Prefix; readonly reason: string }
  /** For the status: why there is no lease, or null when all is well. */
  | { readonly type: "report"; readonly problem: string | null }
  /** Feed `wake` at this instant; replaces the earlier one, null takes it back. */
  | { readonly type: "wake"; readonly at: Instant | null };

/** A manager that has not begun; feed it `start`. */
export function newSubnetManager(
  options: Pick<SubnetManager, "config" | "attributes" | "renewMarginMs" | "previous">,
): SubnetManager {
  const activity: Activity = { type: "resting", wakeAt: null, next: "list" };
  return { ...options, held: null, activity, races: 0 };
}

/** Takes one event; changes `manager` and nothing else. */
export function step(manager: SubnetManager, event: SubnetEvent): SubnetEffect[] {
  switch (event.type) {
    case "start":
      return list(manager);
    case "wake":
      return wake(manager, event.now);
    case "listed":
      return manager.activity.type === "listing"
        ? acquire(manager, event.leases, event.random, event.now)
        : [];
    case "written":
      return written(manager, event);
    case "deleted":
      return list(manager);
    case "conflict":
      return conflict(manager, event.now);
    case "failed":
      return failed(manager, event.problem, event.now);
    case "observed":
      return observed(manager, event.lease, event.revision, event.now);
    default:
      return assertNever(event);
  }
}

function list(manager: SubnetManager): SubnetEffect[] {
  manager.activity = { type: "listing" };
  return [{ type: "list" }];
}

function rest(manager: SubnetManager, at: Instant | null, next: "list" | "renew"): SubnetEffect[] {
  manager.activity = { type: "resting", wakeAt: at, next };
  return [{ type: "wake", at }];
}

/** Early wakes, and those of a timer that an activity overtook, find nothing to do. */
function wake(manager: SubnetManager, now: Instant): SubnetEffect[] {
  const { activity, held } = manager;
  if (activity.type !== "resting" || activity.wakeAt === null) return [];
  if (now < activity.wakeAt) return [{ type: "wake", at: activity.wakeAt }];
  if (activity.next === "list" || !held) return list(manager);
  return overwrite(manager, held, true);
}

/** Flannel.md 3.2, a to c. */
function acquire(
  manager: SubnetManager,
  leases: readonly SubnetLease[],
  random: number,
  now: Instant,
): SubnetEffect[] {
  const { config, attributes, previous } = manager;
  const own = leases.find((lease) => lease.attributes.publicIp === attributes.publicIp);
  if (own) {
    if (isCompatible(config, own.subnet)) return overwrite(manager, own, false);
    manager.activity = { type: "deleting" };
    return [{ type: "delete", name: own.name, modRevision: own.modRevision }];
  }
  const preferred = previous && isCompatible(config, previous) && isFree(leases, previous) ? previous : null;
  const subnet = preferred ?? allocate(config, leases, random);
  if (subnet) return create(manager, subnet);
  const problem = `out of subnets: all of ${formatPrefix(config.network)} are leased`;
  return [{ type: "report", problem }, ...rest(manager, Instant(now + retryMs), "list")];
}

function create(manager: SubnetManager, subnet: Prefix): SubnetEffect[] {
  const name = formatLeaseName(subnet);
  manager.activity = { type: "creating", name, subnet };
  return [{ type: "create", name, value: formatLeaseValue(manager.attributes), ttlSeconds: leaseTtlSeconds }];
}

function overwrite(manager: SubnetManager, lease: HeldLease | SubnetLease, renewal: boolean): SubnetEffect[] {
  const { name, subnet, modRevision, storeLease } = lease;
  manager.activity = { type: "overwriting", name, subnet, renewal };
  const ttlSeconds = storeLease === 0n ? null : leaseTtlSeconds;
  const value = formatLeaseValue(manager.attributes);
  return [{ type: "overwrite", name, value, modRevision, ttlSeconds, replaces: storeLease }];
}

function written(manager: SubnetManager, event: SubnetEvent & { type: "written" }): SubnetEffect[] {
  const { activity, held } = manager;
  assert(activity.type === "creating" || activity.type === "overwriting", "a write is outstanding");
  const { name, subnet } = activity;
  const { modRevision, storeLease, now } = event;
  manager.held = { name, subnet, modRevision, storeLease };
  manager.previous = subnet;
  manager.races = 0;
  const renewAt = storeLease === 0n ? null : Instant(now + leaseTtlSeconds * 1000 - manager.renewMarginMs);
  const effects: SubnetEffect[] = [{ type: "report", problem: null }, ...rest(manager, renewAt, "renew")];
  if (held?.name === name) return effects;
  const reason = activity.type === "creating" ? "leased a free subnet" : "kept the lease with our public IP";
  return [{ type: "hold", subnet, reason }, ...effects];
}

function conflict(manager: SubnetManager, now: Instant): SubnetEffect[] {
  manager.races++;
  if (manager.races < racesMax) return list(manager);
  manager.races = 0;
  const problem = `lost the race for a subnet ${racesMax} times in a row`;
  return [{ type: "report", problem }, ...rest(manager, Instant(now + retryMs), "list")];
}

/** The lease has most of an hour left when a renewal fails, so it can wait; an acquisition cannot. */
function failed(manager: SubnetManager, problem: string, now: Instant): SubnetEffect[] {
  const { activity } = manager;
  const renewal = activity.type === "overwriting" && activity.renewal;
  const pause = renewal ? renewRetryMs : retryMs;
  return [
    { type: "report", problem: `the store does not answer: ${problem}` },
    ...rest(manager, Instant(now + pause), renewal ? "renew" : "list"),
  ];
}

/**
 * The key that we hold, as the store has it. Ignored while a write of our own is under way (its outcome, or the conflict,
 * says more) and when it is older than that write. A value other than ours is put right after a pause, not at once: two
 * hosts with one PublicIP would otherwise answer each other as fast as the store can write.
 */
function observed(
  manager: SubnetManager,
  lease: SubnetLease | null,
  revision: number,
  now: Instant,
): SubnetEffect[] {
  const { held, activity } = manager;
  if (!held || activity.type !== "resting" || revision <= held.modRevision) return [];
  if (!lease) return create(manager, held.subnet);
  if (lease.attributes.publicIp !== manager.attributes.publicIp) return list(manager);
  const { modRevision, storeLease } = lease;
  if (modRevision === held.modRevision) return [];
  manager.held = { ...held, modRevision, storeLease };
  if (!sameAttributes(lease.attributes, manager.attributes)) {
    return rest(manager, Instant(now + retryMs), "list");
  }
  const renewAt = storeLease === 0n ? null : Instant(now + leaseTtlSeconds * 1000 - manager.renewMarginMs);
  return rest(manager, renewAt, "renew");
}
