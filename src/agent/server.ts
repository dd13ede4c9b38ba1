/**
 * A raft member, opened: data directory -> log -> level -> store -> raft -> peers. The order is the list in `openServer`;
 * closing runs it in reverse through the scope. This is the only place where these parts meet.
 */

import { serverVersion } from "../api/ops/version.ts";
import type { Gate } from "../api/v3/gate.ts";
import { messageOf } from "../base/errors.ts";
import { hex, type Instant, type MemberId, type Term } from "../base/ids.ts";
import type { Clock, Logger, Random } from "../base/ports.ts";
import type { Scope } from "../base/scope.ts";
import { openDataDirectory } from "../host/data-dir/data-directory.ts";
import { directoryBytes } from "../host/directory-bytes.ts";
import { PeerTransport } from "../host/peer/transport.ts";
import type { DropReason, Role } from "../raft/event.ts";
import type { Proposal } from "../raft/message.ts";
import { createRaft } from "../raft/raft.ts";
import type { AdminClient } from "../store/admin.ts";
import { requestIdOf } from "../store/command.ts";
import { KvError } from "../store/errors.ts";
import type { StoreWrite } from "../store/storage.ts";
import { Store } from "../store/store.ts";
import { ServerAdmin } from "./admin.ts";
import type { ServerConfig } from "./config.ts";
import { type ClusterIdentity, clusterIdentity } from "./identity.ts";
import { LeaseExpiry } from "./lease-expiry.ts";
import { LogCompaction } from "./log-compaction.ts";
import { Member } from "./member.ts";
import { answerPeer, peerPortAnswer, readable } from "./peer-answers.ts";
import { PendingProposals } from "./pending.ts";
import { RaftShell, type ReplicatedMachine } from "./raft-shell.ts";
import { repeat } from "./repeat.ts";
import { ServerGate } from "./server-gate.ts";
import { bootstrap, initialConfiguration, loadStore, openStorage } from "./server-storage.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";
import { StateMachine } from "./state-machine.ts";
import { WatchPump } from "./watch-pump.ts";

export interface ServerOptions extends ServerConfig {
  readonly name: string;
  /** Whether raft tells its story in the debug log. */
  readonly trace: boolean;
  readonly advertiseClientUrls: readonly string[];
}

export interface ServerModules {
  readonly scope: Scope;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The member cannot go on: a failed sync, a broken invariant. The process ends. */
  readonly fatal: (error: unknown) => void;
  /** Duration of each synchronous write of the log, in seconds. */
  readonly syncSeconds: (seconds: number) => void;
}

/** What the rest of the agent sees of the raft member. */
export interface Server {
  readonly identity: ClusterIdentity;
  readonly kv: Member;
  readonly admin: AdminClient;
  readonly gate: Gate;
  readonly store: Store;
  readonly shell: RaftShell;
  readonly transport: PeerTransport;
  readonly pending: PendingProposals;
  /** Resolves once the member has told the cluster its name and URLs: linearizable service is up. */
  readonly published: Promise<void>;
}

/** etcd.md 15.1. */
const requestBytesMax = 1_572_864;
const txnOperationsMax = 128;
const proposalsPendingMax = 20_000;
/** Rows and events of one slice of watch delivery and compaction. */
const pumpBudget = 1000;
/** Idle watchers that asked for it hear this often how far they are (etcd.md 5.12). */
const watchProgressPeriodMs = 600_000;

export async function openServer(options: ServerOptions, modules: ServerModules): Promise<Server> {
  const { scope, clock, random, logger, fatal } = modules;
  const identity = clusterIdentity(options.name, options.initialCluster, options.clusterToken);
  const data = await openDataDirectory(options.dataDir, { ...identity, name: options.name });
  scope.defer(() => data.close());
  const { wal, storage, generations, recovered } = await openStorage(data, identity, modules);
  const leaseMinTtlSeconds = Math.ceil((1.5 * options.electionMs) / 1000);
  const store = new Store(
    { leaseMinTtlSeconds, txnOperationsMax },
    { records: storage, wake: () => pump.wake() },
  );
  const slice = (): boolean => {
    const writes: StoreWrite[] = [];
    const more = store.pump(pumpBudget, writes);
    if (writes.length > 0) storage.write(writes, store.appliedIndex);
    return more;
  };
  const pump = new WatchPump({ slice, fatal });
  scope.defer(() => pump.close());
  const notifyProgress = (): void => {
    store.notifyProgress();
    pump.wake();
  };
  scope.defer(repeat(clock, watchProgressPeriodMs, notifyProgress));
  await loadStore(store, storage);
  bootstrap(store, storage, identity);

  const raft = createRaft({
    id: identity.memberId,
    configuration: initialConfiguration(recovered.snapshot, identity),
    hardState: recovered.hardState,
    snapshot: recovered.snapshot,
    entries: recovered.entries,
    applied: store.appliedIndex,
    seed: random.uint32(),
    heartbeatMs: options.heartbeatMs,
    electionMs: options.electionMs,
    trace: options.trace,
  });

  const timeoutMs = 5000 + 2 * options.electionMs;
  const timeoutError = (): KvError =>
    new KvError(shell.leader === null ? "kv.timeout-leader-lost" : "kv.timeout");
  const pending = new PendingProposals(
    { memberId: identity.memberId, proposalsPendingMax, timeoutMs },
    { clock, propose: (bytes) => shell.propose(bytes), timeoutError },
  );
  scope.defer(() => pending.close());
  const stateMachine = new StateMachine({
    store,
    storage,
    clock,
    settle: (requestId, outcome) => pending.settle(requestId, outcome),
  });

  const machine: ReplicatedMachine = {
    apply(entries, deadline) {
      if (snapshots.installing) return 0;
      const taken = stateMachine.apply(entries, deadline);
      if (taken > 0) {
        pump.wake();
        compaction.consider();
        expiry.leasesChanged();
      }
      return taken;
    },
    drained: () => snapshots.installing ?? storage.current.drained(),
    roleChanged(role, term, leader) {
      roleChanged(role, term, leader);
    },
    dropped: (proposals, reason) => dropped(pending, proposals, reason),
    sendSnapshot: (to, term) => void snapshots.send(to, term),
  };
  const shell = new RaftShell(
    { raft },
    {
      log: wal,
      machine,
      send: (message) => transport.send(message),
      clock,
      logger: logger.child({ module: "raft" }),
      fatal,
      metrics: { syncSeconds: modules.syncSeconds },
    },
  );
  const compaction = new LogCompaction(
    { entries: options.snapshotCount, bytes: options.snapshotBytes, last: recovered.snapshot.index },
    { raft, shell, storage, log: wal, clock, logger, fatal },
  );
  const snapshots = new SnapshotTransfer({
    raft,
    shell,
    store,
    storage,
    generations,
    log: wal,
    compaction,
    announce: (message) => transport.send(message),
    send: (to, meta, chunks) => transport.sendSnapshot(to, meta, chunks),
    clock,
    logger,
    fatal,
  });
  const kv = new Member(
    {
      clusterId: identity.clusterId,
      memberId: identity.memberId,
      etcdVersion: serverVersion,
      txnOperationsMax,
      requestBytesMax,
      timeoutMs,
    },
    {
      store,
      shell,
      pending,
      watches: pump,
      call: (to, method, payload, signal) => transport.call(to, method, payload, signal),
      leasesChanged: () => expiry.leasesChanged(),
      timeoutError,
      installing: () => snapshots.installing,
      databaseBytes: () => directoryBytes(storage.current.path),
      clock,
    },
  );
  const expiry = new LeaseExpiry({
    leases: {
      due: (now, max) => store.leases.due(now, max),
      nextDeadline: () => store.leases.nextDeadline(clock.now()),
    },
    confirmLeadership: () => kv.barrier(),
    expire: (ids) => kv.expireLeases(ids),
    clock,
    logger,
  });
  scope.defer(() => expiry.close());

  const roleChanged = (role: Role, term: Term, leader: MemberId | null): void => {
    logger.info({ role, term, leader: leader === null ? null : hex(leader) }, "raft role changed");
    if (role === "leader") void startLeasesOnceConfirmed();
    else {
      store.leases.demote();
      expiry.lead(false);
    }
    if (leader !== null) pending.retryHeld();
  };
  const startLeasesOnceConfirmed = async (): Promise<void> => {
    const term = shell.term;
    await kv.barrier().catch(() => {});
    if (shell.role !== "leader" || shell.term !== term) return;
    if (!store.leases.primary) store.leases.promote(clock.now());
    expiry.lead(true);
  };

  const transport = new PeerTransport(
    { self: identity.memberId, clusterId: identity.clusterId, listen: options.listenPeer },
    {
      logger: logger.child({ module: "peer" }),
      clock,
      handlers: {
        message: (message) => shell.receive(readable(message)),
        call: (_from, method, payload) => answerPeer(kv, method, payload),
        snapshot: (from, meta, chunks) => snapshots.receive(from, meta, chunks),
        http: (path) => peerPortAnswer(path, store),
        unreachable: (peer) => shell.post({ type: "unreachable", now: clock.now(), peer }),
      },
    },
  );
  transport.setPeers(peersOf(store, identity.memberId));
  await transport.listen();
  scope.defer(() => transport.close());
  scope.defer(async () => {
    await handOver(shell, transport, options.electionMs, clock);
    kv.close();
    await shell.close();
    await compaction.idle();
  });
  shell.start();
  const published = publish(kv, options, identity, store, scope.signal, logger);
  const admin = new ServerAdmin({
    handlers: {},
    snapshot: () => {
      throw new KvError("kv.unimplemented", "method Snapshot not implemented");
    },
    header: (revision) => kv.header(revision),
  });
  const gate = new ServerGate({ hasLeader: () => shell.leader !== null });
  return { identity, kv, admin, gate, store, shell, transport, pending, published };
}

function peersOf(store: Store, self: MemberId): Map<MemberId, readonly string[]> {
  const others = store.members.list().filter((member) => member.ID !== self);
  return new Map(others.map((member) => [member.ID as MemberId, member.peerURLs]));
}

function dropped(pending: PendingProposals, proposals: readonly Proposal[], reason: DropReason): void {
  for (const proposal of proposals) {
    const requestId = requestIdOf(proposal.data);
    if (reason === "uncommitted-full")
      pending.settle(requestId, { error: new KvError("kv.too-many-requests") });
    else pending.hold(requestId);
  }
}

/** A leader that stops in good order hands its leadership to a member that is connected, and waits briefly for that. */
async function handOver(
  shell: RaftShell,
  transport: PeerTransport,
  limitMs: number,
  clock: Clock,
): Promise<void> {
  const to = transport.active().keys().next().value;
  if (shell.role !== "leader" || to === undefined) return;
  shell.post({ type: "transfer-leadership", now: clock.now(), to });
  await new Promise<void>((resolve) => {
    const limit = clock.at((clock.now() + limitMs) as Instant, resolve);
    shell.onLeaderChange(() => {
      limit.cancel();
      resolve();
    });
  });
}

/** Publishes name and client URLs, as soon as there is a leader; tries until it succeeds or the member stops. */
async function publish(
  kv: Member,
  options: ServerOptions,
  identity: ClusterIdentity,
  store: Store,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const attributes = {
    ID: identity.memberId,
    name: options.name,
    clientURLs: [...options.advertiseClientUrls],
  };
  while (!signal.aborted) {
    try {
      await kv.barrier(signal);
      const known = store.members.get(identity.memberId);
      const same =
        known?.name === attributes.name && known.clientURLs.join() === attributes.clientURLs.join();
      if (!same) await kv.publish(attributes);
      logger.info(
        { name: options.name, clientUrls: attributes.clientURLs },
        "ready to serve client requests",
      );
      return;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error: messageOf(error) }, "waiting for a leader");
    }
  }
}
