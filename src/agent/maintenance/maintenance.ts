/**
 * Maintenance of a server, put together: the rpcs, auto-compaction, the corruption checks and what peers ask for those
 * (etcd.md sections 8 and 17).
 */
import { emptyBytes } from "../../base/bytes.ts";
import { hex, type MemberId } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { Scope } from "../../base/scope.ts";
import type { AdminHandlers } from "../../store/admin.ts";
import type { Store } from "../../store/store.ts";
import { AlarmAction, AlarmType } from "../../store/wire/admin-messages.ts";
import type { Member } from "../member.ts";
import { encodeResult } from "../peer-calls.ts";
import type { RaftShell } from "../raft-shell.ts";
import { repeat } from "../repeat.ts";
import { within } from "../within.ts";
import { startAutoCompactor } from "./auto-compactor.ts";
import type { MaintenanceConfig } from "./config.ts";
import { CorruptionMonitor, type CorruptionMonitorModules } from "./corruption-monitor.ts";
import { type MaintenanceHandlers, maintenanceHandlers } from "./handlers.ts";
import { Hasher, type HashKv } from "./hasher.ts";
import { checkBeforeServing } from "./initial-check.ts";
import { answerHashCall, type CallPeer, hashAsker } from "./peer-hash.ts";
import { type ServerMeters, timed } from "./server-meters.ts";

/** A call that does nothing, as etcd's prober, which asks as often. */
const probeMethod = "probe";
const probeEveryMs = 5000;

export interface MaintenanceModules {
  readonly store: Store;
  readonly kv: Member;
  readonly shell: RaftShell;
  readonly hashKv: HashKv;
  readonly meters: ServerMeters;
  readonly call: CallPeer;
  /** The members that are connected. */
  readonly peers: () => MemberId[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Maintenance {
  readonly handlers: MaintenanceHandlers;
  readonly #config: MaintenanceConfig;
  readonly #modules: MaintenanceModules;
  readonly #hasher: Hasher;
  readonly #checked: CorruptionMonitorModules;
  readonly #monitor: CorruptionMonitor;

  constructor(
    options: { config: MaintenanceConfig; self: MemberId; timeoutMs: number },
    modules: MaintenanceModules,
  ) {
    const { store, kv, shell, clock } = modules;
    const { self, timeoutMs } = options;
    this.#config = options.config;
    this.#modules = modules;
    this.#hasher = new Hasher({
      hashKv: modules.hashKv,
      timed: timed(clock, modules.meters.hashSeconds),
    });
    this.#checked = {
      self,
      logger: modules.logger,
      hasher: this.#hasher,
      ask: hashAsker(modules),
      members: () => store.members.list().map((member) => member.ID as MemberId),
      isLeader: () => shell.role === "leader",
      revision: () => store.revision,
      compactRevision: () => store.compactRevision,
      barrier: () => kv.barrier(),
      isRaised: (member) => store.alarms.has(member, AlarmType.CORRUPT),
      raise: (member) =>
        kv.propose("alarm", { action: AlarmAction.ACTIVATE, memberID: member, alarm: AlarmType.CORRUPT }),
    };
    this.#monitor = new CorruptionMonitor(this.#checked);
    this.handlers = maintenanceHandlers(
      { timeoutMs },
      {
        self,
        clock,
        hasher: this.#hasher,
        barrier: (signal) => kv.barrier(signal),
        alarms: (memberId, kind) => store.alarms.matching(memberId, kind),
        changeAlarm: (request, call) => kv.propose("alarm", request, call),
        clusterDecided: () => shell.leaderChanges > 0,
        isVoter: (member) => store.members.get(member)?.isLearner === false,
        leader: () => shell.leader,
        transfer: (to) => shell.post({ type: "transfer-leadership", now: clock.now(), to }),
        onLeaderChange: (listener) => shell.onLeaderChange(listener),
      },
    );
  }

  /** What a peer asks of maintenance; null if `method` is not of it. */
  answerPeer(method: string, payload: Uint8Array): Promise<Uint8Array> | null {
    if (method === probeMethod) return Promise.resolve(encodeResult(emptyBytes));
    return answerHashCall(method, payload, {
      hasher: this.#hasher,
      barrier: () => this.#modules.kv.barrier(),
    });
  }

  /** The Defragment rpc, measured. */
  measured(handlers: Pick<AdminHandlers, "Defragment">): Pick<AdminHandlers, "Defragment"> {
    const { clock, meters } = this.#modules;
    const time = timed(clock, meters.defragmentSeconds);
    return {
      Defragment: (request, call) => {
        meters.defragmenting++;
        return time(() => handlers.Defragment(request, call)).finally(() => {
          meters.defragmenting--;
        });
      },
    };
  }

  /** `--initial-corrupt-check`, once peers can be asked and before this member takes part. Throws ServerError. */
  async checkBeforeServing(): Promise<void> {
    const { store, clock } = this.#modules;
    if (this.#config.initialCorruptCheck && store.appliedIndex > 0)
      await checkBeforeServing({ ...this.#checked, clock });
  }

  /** Begins what is done again and again; it ends with the scope. */
  start(scope: Scope): void {
    const { clock, logger, store, kv, shell } = this.#modules;
    const { autoCompaction, corruptCheckMs, compactHashCheckMs } = this.#config;
    if (autoCompaction) {
      const stop = startAutoCompactor(autoCompaction, {
        clock,
        logger,
        isLeader: () => shell.role === "leader",
        revision: () => store.revision,
        compact: (revision) => kv.compact({ revision }),
      });
      scope.defer(stop);
    }
    scope.defer(repeat(clock, probeEveryMs, () => void this.#probePeers()));
    if (corruptCheckMs > 0) scope.defer(repeat(clock, corruptCheckMs, () => void this.#monitor.check()));
    if (compactHashCheckMs > 0)
      scope.defer(repeat(clock, compactHashCheckMs, () => void this.#monitor.checkCompaction()));
  }

  /** Measures the round trip to each connected peer. One that does not answer in time is not counted. */
  async #probePeers(): Promise<void> {
    const { clock, call, peers, meters } = this.#modules;
    const probe = async (peer: MemberId): Promise<void> => {
      const started = clock.now();
      await within(clock, probeEveryMs, (signal) => call(peer, probeMethod, emptyBytes, signal));
      meters.roundTripSeconds.with(hex(peer)).observe((clock.now() - started) / 1000);
    };
    await Promise.allSettled(peers().map(probe));
  }
}
