/**
 * What a member has on its disk, opened in the order that keeps a refusal without traces: the log, then level; then the
 * store is filled from level, and a new member gets its first table of members.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../base/errors.ts";
import { Index } from "../base/ids.ts";
import type { Clock, Logger } from "../base/ports.ts";
import type { Scope } from "../base/scope.ts";
import type { DataDirectory } from "../host/data-dir/data-directory.ts";
import { Generations } from "../host/level/generations.ts";
import { LevelStorage } from "../host/level/level-storage.ts";
import { Wal } from "../host/wal/wal.ts";
import { emptyConfiguration, votersOnly } from "../raft/configuration.ts";
import type { Configuration, Entry, HardState, SnapshotMeta } from "../raft/entry.ts";
import type { StoreWrite } from "../store/storage.ts";
import type { Store } from "../store/store.ts";
import * as wire from "../store/wire/messages.ts";
import type { ClusterIdentity } from "./identity.ts";
import { type ServerMeters, timed } from "./maintenance/server-meters.ts";
import { pendingBytesMax } from "./state-machine.ts";
import { StorageSlot } from "./storage-slot.ts";

/** Why a member cannot be opened; the message names the path and what to do. */
export class ServerError extends AgentError<
  | { readonly code: "server.state-missing"; readonly path: string }
  /** The state says that this member was removed from the cluster. */
  | { readonly code: "server.removed"; readonly path: string }
  /** `--initial-corrupt-check`: other members, by id, have other data at this revision. */
  | { readonly code: "server.corrupt"; readonly revision: number; readonly peers: readonly string[] }
> {
  override readonly name = "ServerError";
}

/** A member's log and state, opened and found to belong together. */
export interface OpenedStorage {
  readonly wal: Wal;
  readonly storage: StorageSlot;
  readonly generations: Generations;
  readonly recovered: { hardState: HardState; snapshot: SnapshotMeta; entries: readonly Entry[] };
}

/** Opens log and level; both are closed with the scope. Throws WalError, LevelError or ServerError; nothing is changed then. */
export async function openStorage(
  data: DataDirectory,
  identity: ClusterIdentity,
  modules: { scope: Scope; logger: Logger; clock: Clock; meters: Pick<ServerMeters, "commitSeconds"> },
): Promise<OpenedStorage> {
  const { scope, logger } = modules;
  // The log first: one that is damaged, or missing beside a state, is refused before anything is changed.
  const { wal, recovered } = await Wal.open(
    { directory: data.wal, metadata: identity, existing: await exists(join(data.db, "CURRENT")) },
    { logger: logger.child({ module: "wal" }) },
  );
  scope.defer(() => wal.close());
  const generations = await Generations.open(data.db);
  const level = await LevelStorage.open(
    { path: generations.path, pendingBytesMax },
    {
      logger: logger.child({ module: "level" }),
      timed: timed(modules.clock, modules.meters.commitSeconds),
    },
  );
  const storage = new StorageSlot(level);
  scope.defer(() => storage.current.close());
  assertLogAndStateJoin(data, recovered, level.appliedIndex);
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

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** The state may be ahead of the log's snapshot, never behind it: then a part of it was lost. Throws ServerError. */
function assertLogAndStateJoin(
  data: DataDirectory,
  recovered: { readonly snapshot: SnapshotMeta; readonly entries: readonly Entry[] },
  applied: Index,
): void {
  const { index } = recovered.snapshot;
  const advice =
    "restore it, or remove the member from the cluster, empty its data directory and add it again";
  if (applied < index) {
    const problem = `${data.db} stands at entry ${applied}, but the log begins after ${index}: a part of it is missing; ${advice}`;
    throw new ServerError(problem, { code: "server.state-missing", path: data.db });
  }
}

/** Reads all rows of level into the store, in slices. */
export async function loadStore(store: Store, storage: StorageSlot): Promise<void> {
  for await (const rows of storage.current.rows()) store.load(rows);
  store.loaded(storage.current.appliedIndex);
}

/** A member that was removed stays away for good (etcd.md 17.5). Throws ServerError. */
export function assertMember(store: Store, data: DataDirectory): void {
  if (!store.members.isRemoved(data.member.memberId)) return;
  const problem = `${data.path} is of a member that was removed from its cluster: empty it, and add the member again`;
  throw new ServerError(problem, { code: "server.removed", path: data.path });
}

/**
 * A new cluster's members are those of --initial-cluster; every member starts from the same table. One that joins knows from
 * the others whom to talk to, until the log or a snapshot tells.
 */
export function bootstrap(store: Store, storage: StorageSlot, identity: ClusterIdentity): void {
  if (store.members.list().length > 0) return;
  const writes: StoreWrite[] = [];
  store.bootstrapMembers(
    identity.members.map(({ id, peerUrls, isLearner = false }) =>
      wire.Member.create({ ID: id, peerURLs: [...peerUrls], isLearner }),
    ),
    writes,
  );
  storage.write(writes, Index(0));
}

/** Who votes: what the log's snapshot says, or --initial-cluster at the first start; a member that joined is told by the log. */
export function initialConfiguration(snapshot: SnapshotMeta, identity: ClusterIdentity): Configuration {
  if (snapshot.configuration.voters.length > 0) return snapshot.configuration;
  if (identity.joined) return emptyConfiguration;
  return votersOnly(identity.members.map((member) => member.id));
}
