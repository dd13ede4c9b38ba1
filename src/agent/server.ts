/**
 * A raft member, opened: data directory -> log -> level -> store -> raft -> peers. The order is the list in `openServer`;
 * closing runs it in reverse through the scope. This is the only place where these parts meet.
 */

import type { RaftStatus } from "../api/ops/debug-vars.ts";
import { clusterVersion, serverVersion } from "../api/ops/version.ts";
import type { Gate } from "../api/v3/gate.ts";
import { messageOf } from "../base/errors.ts";
import { hex, type Instant, type MemberId, type Term } from "../base/ids.ts";
import type { Clock, Logger, Random } from "../base/ports.ts";
import type { Scope } from "../base/scope.ts";
import { openDataDirectory } from "../host/data-dir/data-directory.ts";
import { PeerTransport } from "../host/peer/transport.ts";
import type { DropReason, Role } from "../raft/event.ts";
import type { Proposal } from "../raft/message.ts";
import { createRaft } from "../raft/raft.ts";
import type { AdminClient } from "../store/admin.ts";
import { requestIdOf } from "../store/command.ts";
import { KvError } from "../store/errors.ts";
import type { StoreWrite } from "../store/storage.ts";
import { Store } from "../store/store.ts";
import { AlarmType } from "../store/wire/admin-messages.ts";
import { ServerAdmin } from "./admin.ts";
import type { HttpAuthority } from "./auth/http-authority.ts";
import { openAuth, prepareAuth } from "./auth/open.ts";
import type { ServerConfig } from "./config.ts";
import type { ClusterIdentity } from "./identity.ts";
import { LeaderLoss } from "./leader-loss.ts";
import { LeaseCheckpoints } from "./lease-checkpoints.ts";
import { LeaseExpiry } from "./lease-expiry.ts";
import { receiveSlackBytes } from "./limits.ts";
import { LogCompaction } from "./log-compaction.ts";
import { hashKvOf } from "./maintenance/hash-kv.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { raftStatus } from "./maintenance/raft-status.ts";
import type { ServerMeters } from "./maintenance/server-meters.ts";
import { Member } from "./member.ts";
import { identifySelf } from "./membership/identify.ts";
import { Membership } from "./membership/membership.ts";
import { answerPeer, peerPortAnswer, readable } from "./peer-answers.ts";
import { PendingProposals } from "./pending.ts";
import { Quota } from "./quota.ts";
import { RaftShell, type ReplicatedMachine } from "./raft-shell.ts";
import { repeat } from "./repeat.ts";
import { ServerGate } from "./server-gate.ts";
import { assertMember, bootstrap, initialConfiguration, loadStore, openStorage } from "./server-storage.ts";
import { Slices } from "./slices.ts";
import { defragmentHandler } from "./snapshot/defragment.ts";
import { EtcdSnapshots, raftAt } from "./snapshot/etcd-snapshot.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";
import { commandOf, StateMachine } from "./state-machine.ts";
import type { StorageSlot } from "./storage-slot.ts";
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
  /** The member was removed from the cluster and has stopped to serve; the process may end. */
  readonly removed?: () => void;
  readonly meters: ServerMeters;
}

/** What the rest of the agent sees of the raft member. */
export interface Server {
  readonly identity: ClusterIdentity;
  readonly kv: Member;
  readonly admin: AdminClient;
  readonly gate: Gate;
  /** Who may change something over our own HTTP interfaces while auth is on. */
  readonly httpAuthority: HttpAuthority;
  readonly store: Store;
  readonly shell: RaftShell;
  readonly transport: PeerTransport;
  readonly pending: PendingProposals;
  /** This member's raft state, for /debug/vars. */
  readonly raftStatus: () => RaftStatus;
  /** For the metrics: bytes of entries in the log since the start; whether a received snapshot is being installed. */
  readonly walBytes: () => number;
  readonly isInstalling: () => boolean;
  readonly quotaBytes: number;
  /** Who votes in raft now; a new member does when it has the log. */
  readonly voters: () => readonly MemberId[];
  /** Resolves once the member has told the cluster its name and URLs: linearizable service is up. */
  readonly published: Promise<void>;
}

/** Of this member; beyond it "too many requests". */
const proposalsPendingMax = 20_000;
/** Rows and responses of one slice of watch delivery and compaction. */
const pumpBudget = 500;

export async function openServer(options: ServerOptions, modules: ServerModules): Promise<Server> {
  const { scope, clock, random, logger, fatal, meters } = modules;
  const identity = await identifySelf(options, { logger });
  const { requestBytesMax, txnOperationsMax, quotaBytes } = options.limits;
  const authBase = await prepareAuth(options.auth, modules);
  const data = await openDataDirectory(options.dataDir, {
    ...identity,
    name: options.name,
    start: identity,
  });
  scope.defer(() => data.close());
  const { wal, storage, generations, recovered } = await openStorage(data, identity, modules);
  const leaseMinTtlSeconds = Math.ceil((1.5 * options.electionMs) / 1000);
  const store = new Store(
    { leaseMinTtlSeconds, txnOperationsMax, watchFragmentBytes: requestBytesMax + receiveSlackBytes },
    { records: storage, wake: () => pump.wake(), tokens: authBase.sink },
  );
  const slice = (): boolean => {
    const writes: StoreWrite[] = [];
    const more = meters.compaction.slice(store, clock, writes, () => store.pump(pumpBudget, writes));
    if (writes.length > 0) storage.write(writes, store.appliedIndex);
    return more;
  };
  const pump = new WatchPump({ slice, clock, fatal });
  scope.defer(() => pump.close());
  const notifyProgress = (): void => {
    store.notifyProgress();
    pump.wake();
  };
  scope.defer(repeat(clock, options.watchProgressMs, notifyProgress));
  await loadStore(store, storage);
  assertMember(store, data);
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
  // A call that waited while the leader was lost may have been lost with it, even if there is another one by now (etcd.md 11).
  let leaderLostAt: number = Number.NEGATIVE_INFINITY;
  const timeoutError = (): KvError => {
    const lost = shell.leader === null || clock.now() - leaderLostAt <= timeoutMs;
    return new KvError(lost ? "kv.timeout-leader-lost" : "kv.timeout");
  };
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
    observer: meters.apply,
  });

  const machine: ReplicatedMachine = {
    apply(entries, deadline) {
      if (snapshots.installing) return 0;
      const taken = stateMachine.apply(entries, deadline);
      if (taken > 0) {
        pump.wake();
        compaction.consider();
        expiry.leasesChanged();
        checkpoints.leasesChanged();
        membership.tableChanged();
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
      metrics: { syncSeconds: (seconds) => meters.walSyncSeconds.observe(seconds) },
    },
  );
  const compaction = new LogCompaction(
    { entries: options.snapshotCount, bytes: options.snapshotBytes, last: recovered.snapshot.index },
    { raft, shell, storage, log: wal, clock, logger, fatal, meters },
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
    meters,
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
      slices: new Slices({ now: () => clock.now() }),
      call: (to, method, payload, signal) => transport.call(to, method, payload, signal),
      leasesChanged: () => {
        expiry.leasesChanged();
        checkpoints.leasesChanged();
      },
      beforeRenewal: (ids) => checkpoints.beforeRenewal(ids),
      timeoutError,
      installing: () => snapshots.installing,
      isJoining: () => membership.isJoining,
      quota: new Quota(
        { bytesMax: quotaBytes, memberId: identity.memberId },
        {
          databaseBytes: () => store.bytesTotal,
          isRaised: () => store.alarms.has(identity.memberId, AlarmType.NOSPACE),
          propose: (request) => kv.propose("alarm", request),
          logger,
        },
      ),
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
  const checkpoints = new LeaseCheckpoints({
    leases: store.leases,
    propose: (list) => kv.checkpointLeases(list),
    clock,
    logger,
  });
  scope.defer(() => checkpoints.close());

  const roleChanged = (role: Role, term: Term, leader: MemberId | null): void => {
    logger.info({ role, term, leader: leader === null ? null : hex(leader) }, "raft role changed");
    if (role === "leader") void startLeasesOnceConfirmed();
    else {
      store.leases.demote();
      expiry.lead(false);
      checkpoints.lead(false);
    }
    if (leader !== null) pending.retryHeld();
    else leaderLostAt = clock.now();
  };
  const startLeasesOnceConfirmed = async (): Promise<void> => {
    const term = shell.term;
    await kv.barrier().catch(() => {});
    if (shell.role !== "leader" || shell.term !== term) return;
    if (!store.leases.primary) store.leases.promote(clock.now());
    expiry.lead(true);
    checkpoints.lead(true);
  };

  const transport = new PeerTransport(
    { self: identity.memberId, clusterId: identity.clusterId, listen: options.listenPeer },
    {
      logger: logger.child({ module: "peer" }),
      clock,
      handlers: {
        message: (message) => shell.receive(readable(message)),
        call: (_from, method, payload) =>
          maintenance.answerPeer(method, payload) ??
          membership.answerPeer(method, payload) ??
          answerPeer(kv, method, payload),
        snapshot: async (from, meta, chunks) => {
          await snapshots.receive(from, meta, chunks);
          membership.tableChanged();
        },
        isRemoved: (member) => store.members.isRemoved(member),
        removed: () => membership.end(),
        http: (path) => peerPortAnswer(path, store, identity.clusterId),
        unreachable: (peer) => shell.post({ type: "unreachable", now: clock.now(), peer }),
      },
    },
  );
  const maintenance = new Maintenance(
    { config: options.maintenance, self: identity.memberId, timeoutMs },
    {
      store,
      kv,
      shell,
      hashKv: hashKvOf(store, () => storage.current),
      meters,
      peers: () => [...transport.active().keys()],
      call: (to, method, payload, signal) => transport.call(to, method, payload, signal),
      clock,
      logger,
    },
  );
  const membership = new Membership(
    {
      ...options.membership,
      self: identity.memberId,
      joined: identity.joined,
      clusterToken: options.clusterToken,
      requestBytesMax,
      timeoutMs,
    },
    {
      raft,
      shell,
      store,
      pending,
      kv,
      transport,
      clock,
      logger,
      removed: modules.removed ?? (() => {}),
      promoted: meters.promoted,
    },
  );
  membership.start(scope);
  await transport.listen();
  scope.defer(() => transport.close());
  scope.defer(async () => {
    const mayLead = (id: MemberId): boolean => raft.configurations.inForce.voters.includes(id);
    await handOver(shell, transport, options.electionMs, clock, mayLead);
    kv.close();
    await shell.close();
    await compaction.idle();
  });
  await maintenance.checkBeforeServing();
  shell.start();
  maintenance.start(scope);
  const published = publish(kv, options, identity, store, scope.signal, logger);
  const etcdSnapshots = new EtcdSnapshots(
    { clusterVersion },
    {
      view: () => storage.current.view(),
      raftAt: (index) => raftAt(raft, index),
      seconds: (seconds) => meters.snapshotSeconds.observe(seconds),
      clock,
      logger,
    },
  );
  const auth = openAuth(authBase, { ...modules, store, kv });
  const admin = new ServerAdmin({
    authorize: auth.authorize,
    authorizeRoot: auth.authorizeRoot,
    handlers: {
      ...auth.handlers,
      ...maintenance.handlers,
      ...membership.handlers,
      ...maintenance.measured(
        defragmentHandler({ compactFiles: () => reclaimSpace(store, pump, storage), logger }),
      ),
    },
    snapshot: () => etcdSnapshots.pieces(),
    header: (revision) => kv.header(revision),
  });
  const leaderLoss = new LeaderLoss(options, { hasLeader: () => shell.leader !== null, clock });
  scope.defer(() => leaderLoss.close());
  shell.onLeaderChange(() => leaderLoss.leaderChanged());
  const gate = new ServerGate({
    hasLeader: () => shell.leader !== null,
    leaderLoss,
    isLearner: () => membership.isLearner,
    authEnabled: () => store.auth.table.enabled,
    tokens: auth.tokens,
  });
  const httpAuthority = auth.http;
  return {
    identity,
    kv,
    admin,
    gate,
    httpAuthority,
    store,
    shell,
    transport,
    pending,
    published,
    quotaBytes,
    raftStatus: () => raftStatus(raft),
    voters: () => raft.configurations.inForce.voters,
    walBytes: () => wal.bytesWritten,
    isInstalling: () => snapshots.installing !== null,
  };
}

/** Defragment: what compaction has freed, and is about to, goes back to the file system. */
async function reclaimSpace(store: Store, pump: WatchPump, storage: StorageSlot): Promise<void> {
  await pump.until(() => store.compactionFinished >= store.compactRevision);
  await storage.current.compactFiles();
  store.reclaimed();
}

function dropped(pending: PendingProposals, proposals: readonly Proposal[], reason: DropReason): void {
  for (const proposal of proposals) {
    const command = commandOf(proposal);
    if (command === null) continue;
    const requestId = requestIdOf(command);
    if (reason === "uncommitted-full")
      pending.settle(requestId, { error: new KvError("kv.too-many-requests") });
    // Planned from a configuration that need not be the one in force later.
    else if (proposal.type === "configuration")
      pending.settle(requestId, { error: new KvError("kv.leader-changed") });
    else pending.hold(requestId);
  }
}

/** A leader that stops in good order hands its leadership to a member that is connected, and waits briefly for that. */
async function handOver(
  shell: RaftShell,
  transport: PeerTransport,
  limitMs: number,
  clock: Clock,
  mayLead: (member: MemberId) => boolean,
): Promise<void> {
  const to = [...transport.active().keys()].find(mayLead);
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
      if (signal.aborted || (error instanceof KvError && error.code === "kv.stopped")) return;
      logger.warn({ error: messageOf(error) }, "waiting for a leader");
    }
  }
}
