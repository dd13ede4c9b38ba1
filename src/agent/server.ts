/**
 * A raft member, opened: data directory -> log -> level -> store -> raft -> peers. The order is the list in `openServer`;
 * closing runs it in reverse through the scope. This is the only place where these parts meet.
 */

import { clusterVersion, serverVersion } from "../api/ops/version.ts";
import { messageOf } from "../base/errors.ts";
import { hex, Index, type Instant, type MemberId, type Term } from "../base/ids.ts";
import type { Clock, Logger, Random } from "../base/ports.ts";
import type { Scope } from "../base/scope.ts";
import { type DataDirectory, openDataDirectory } from "../host/data-dir/data-directory.ts";
import { directoryBytes } from "../host/directory-bytes.ts";
import { Generations } from "../host/level/generations.ts";
import { LevelStorage } from "../host/level/level-storage.ts";
import { PeerTransport } from "../host/peer/transport.ts";
import { Wal } from "../host/wal/wal.ts";
import { votersOnly } from "../raft/configuration.ts";
import type { Configuration, Entry, HardState, SnapshotMeta } from "../raft/entry.ts";
import type { DropReason, Role } from "../raft/event.ts";
import type { Message, Proposal } from "../raft/message.ts";
import { createRaft } from "../raft/raft.ts";
import { decodeCommand, requestIdOf } from "../store/command.ts";
import { CommandError, KvError } from "../store/errors.ts";
import type { StoreWrite } from "../store/storage.ts";
import { Store } from "../store/store.ts";
import * as wire from "../store/wire/messages.ts";
import type { ServerConfig } from "./config.ts";
import { type ClusterIdentity, clusterIdentity } from "./identity.ts";
import { LeaseExpiry } from "./lease-expiry.ts";
import { LogCompaction } from "./log-compaction.ts";
import { Member } from "./member.ts";
import { encodeError, encodeResult, isLeaderMethod } from "./peer-calls.ts";
import { PendingProposals } from "./pending.ts";
import { RaftShell, type ReplicatedMachine } from "./raft-shell.ts";
import { repeat } from "./repeat.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";
import { pendingBytesMax, StateMachine } from "./state-machine.ts";
import { StorageSlot } from "./storage-slot.ts";
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
  return { identity, kv, store, shell, transport, pending, published };
}

interface OpenedStorage {
  readonly wal: Wal;
  readonly storage: StorageSlot;
  readonly generations: Generations;
  readonly recovered: { hardState: HardState; snapshot: SnapshotMeta; entries: readonly Entry[] };
}

async function openStorage(
  data: DataDirectory,
  identity: ClusterIdentity,
  modules: ServerModules,
): Promise<OpenedStorage> {
  const { scope, logger } = modules;
  // The log first: one that is damaged is refused before anything is changed.
  const { wal, recovered } = await Wal.open(
    { directory: data.wal, metadata: identity },
    { logger: logger.child({ module: "wal" }) },
  );
  scope.defer(() => wal.close());
  const generations = await Generations.open(data.db);
  const level = await LevelStorage.open(
    { path: generations.path, pendingBytesMax },
    { logger: logger.child({ module: "level" }) },
  );
  const storage = new StorageSlot(level);
  scope.defer(() => storage.current.close());
  const received = level.received;
  if (received === null || received.index <= recovered.snapshot.index)
    return { wal, storage, generations, recovered };
  // A crash came between installing a received snapshot and recording it in the log: record it now.
  await wal.recordSnapshot(received);
  const known = recovered.entries.find((entry) => entry.index === received.index);
  const entries =
    known?.term === received.term ? recovered.entries.filter((entry) => entry.index > received.index) : [];
  return { wal, storage, generations, recovered: { ...recovered, snapshot: received, entries } };
}

async function loadStore(store: Store, storage: StorageSlot): Promise<void> {
  for await (const rows of storage.current.rows()) store.load(rows);
  store.loaded(storage.current.appliedIndex);
}

/** A new cluster's members are those of --initial-cluster; every member starts from the same table. */
function bootstrap(store: Store, storage: StorageSlot, identity: ClusterIdentity): void {
  if (store.members.list().length > 0) return;
  const writes: StoreWrite[] = [];
  store.bootstrapMembers(
    identity.members.map((member) => wire.Member.create({ ID: member.id, peerURLs: [...member.peerUrls] })),
    writes,
  );
  storage.write(writes, Index(0));
}

function initialConfiguration(snapshot: SnapshotMeta, identity: ClusterIdentity): Configuration {
  if (snapshot.configuration.voters.length > 0) return snapshot.configuration;
  return votersOnly(identity.members.map((member) => member.id));
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

/**
 * A forwarded proposal goes into the log unseen, and an entry that no member can read would stop them all, at every start.
 * So what cannot be read is left out here; its proposer waits for its own deadline.
 */
function readable(message: Message): Message {
  if (message.type !== "propose") return message;
  return { ...message, entries: message.entries.filter((proposal) => isReadable(proposal)) };
}

function isReadable(proposal: Proposal): boolean {
  if (proposal.type !== "normal") return false;
  try {
    decodeCommand(proposal.data);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** What the peer port tells a person or a probe over HTTP (etcd.md 13). */
function peerPortAnswer(path: string, store: Store): object | null {
  if (path === "/version") return { etcdserver: serverVersion, etcdcluster: clusterVersion };
  if (path !== "/members") return null;
  return store.members.list().map((member) => ({ ...member, ID: hex(member.ID) }));
}

async function answerPeer(kv: Member, method: string, payload: Uint8Array): Promise<Uint8Array> {
  try {
    if (!isLeaderMethod(method)) throw new KvError("kv.unimplemented", `peers do not offer ${method}`);
    return encodeResult(await kv.answerAsLeader(method, payload));
  } catch (error) {
    return encodeError(error);
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
