/**
 * Maintenance's share of the admin rpcs (etcd.md section 8): Alarm, Hash, HashKV, MoveLeader and Downgrade. Who may call them is
 * decided before (agent/auth).
 */
import type { AdminHandlers } from "../../store/admin.ts";
import { type CallOptions, KvError } from "../../store/kv.ts";
import {
  AlarmAction,
  type AlarmRequest,
  type AlarmResponse,
  AlarmType,
} from "../../store/wire/admin-messages.ts";
import type { ResponseHeader } from "../../store/wire/messages.ts";
import { downgrade } from "./downgrade.ts";
import type { Hasher } from "./hasher.ts";
import { type MoveLeaderModules, moveLeader } from "./move-leader.ts";

export type MaintenanceHandlers = Pick<
  AdminHandlers,
  "Alarm" | "Hash" | "HashKV" | "MoveLeader" | "Downgrade"
>;

export interface MaintenanceHandlersModules extends MoveLeaderModules {
  readonly hasher: Hasher;
  readonly barrier: (signal: AbortSignal | undefined) => Promise<void>;
  /** The active alarms of a member (0: all) and a kind (NONE: all). */
  readonly alarms: (memberId: bigint, kind: number) => AlarmResponse["alarms"];
  /** Activates or deactivates by an entry of the log. */
  readonly changeAlarm: (request: AlarmRequest, options: CallOptions) => Promise<AlarmResponse>;
  /** Whether the cluster has agreed on its version, i.e. has had a leader. */
  readonly clusterDecided: () => boolean;
}

export function maintenanceHandlers(
  options: { readonly timeoutMs: number },
  modules: MaintenanceHandlersModules,
): MaintenanceHandlers {
  const { hasher, barrier } = modules;
  return {
    Alarm: async (request, call) => {
      checkAlarm(request);
      if (request.action !== AlarmAction.GET) return modules.changeAlarm(request, call);
      await barrier(call.signal);
      return { header: undefined, alarms: modules.alarms(request.memberID, request.alarm) };
    },
    Hash: async () => {
      const { hash, revision } = await hasher.hash(0);
      return { header: atRevision(revision), hash };
    },
    HashKV: async ({ revision }) => {
      const hash = await hasher.hash(revision);
      return {
        header: atRevision(hash.revision),
        hash: hash.hash,
        compact_revision: hash.compactRevision,
        hash_revision: hash.hashRevision,
      };
    },
    MoveLeader: async ({ targetID }, { signal }) => {
      await moveLeader({ target: targetID, timeoutMs: options.timeoutMs, signal }, modules);
      return { header: undefined };
    },
    Downgrade: async (request) => ({
      header: undefined,
      version: downgrade(request, modules.clusterDecided()),
    }),
  };
}

const alarmActions = new Set<number>(Object.values(AlarmAction));
const alarmKinds = new Set<number>(Object.values(AlarmType));

/** Nothing that means nothing goes into the log. etcd takes unknown kinds of alarms, and dies of an unknown action. */
function checkAlarm({ action, alarm }: AlarmRequest): void {
  if (!alarmActions.has(action)) throw new KvError("kv.unimplemented", "etcdserver: unknown alarm action");
  if (!alarmKinds.has(alarm)) throw new KvError("kv.unimplemented", "etcdserver: unknown kind of alarm");
}

function atRevision(revision: number): ResponseHeader {
  return { cluster_id: 0n, member_id: 0n, revision, raft_term: 0n };
}
