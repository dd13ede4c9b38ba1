import { test } from "tap";
import { maintenanceHandlers } from "../../../../src/agent/maintenance/handlers.ts";
import { Hasher } from "../../../../src/agent/maintenance/hasher.ts";
import { alarmText, statusErrors } from "../../../../src/agent/maintenance/status-errors.ts";
import { MemberId } from "../../../../src/base/ids.ts";
import { KvError } from "../../../../src/store/errors.ts";
import {
  AlarmAction,
  type AlarmRequest,
  AlarmType,
  DowngradeAction,
} from "../../../../src/store/wire/admin-messages.ts";
import { HandClock } from "../../../support/hand-clock.ts";

const [self, other, learner] = [MemberId(1n), MemberId(2n), MemberId(3n)];

function world() {
  const clock = new HandClock();
  const listeners = new Set<() => void>();
  const state = { leader: self as MemberId | null, decided: true, transfers: [] as MemberId[] };
  const proposed: AlarmRequest[] = [];
  const kvHash = { hash: 7, compactRevision: 2, hashRevision: 5, revision: 9 };
  const handlers = maintenanceHandlers(
    { timeoutMs: 7000 },
    {
      self,
      clock,
      hasher: new Hasher({ hashKv: async () => kvHash, timed: (work) => work() }),
      barrier: async () => {},
      alarms: (memberID, alarm) => [{ memberID, alarm }],
      changeAlarm: async (request) => {
        proposed.push(request);
        return { header: undefined, alarms: [] };
      },
      clusterDecided: () => state.decided,
      isVoter: (member) => member === self || member === other,
      leader: () => state.leader,
      transfer: (to) => void state.transfers.push(to),
      onLeaderChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  );
  const lead = (leader: MemberId | null): void => {
    state.leader = leader;
    for (const listener of [...listeners]) listener();
  };
  return { clock, state, handlers, proposed, lead, listeners };
}

test("MoveLeader waits until the new leader is known", async (t) => {
  const { handlers, state, lead, clock, listeners } = world();
  const move = (targetID: bigint, signal?: AbortSignal) =>
    handlers.MoveLeader({ targetID }, signal ? { signal } : {});
  await t.rejects(move(99n), { code: "kv.bad-leader-transferee" }, "unknown");
  await t.rejects(move(learner), { code: "kv.bad-leader-transferee" }, "a learner");
  await move(self);
  t.same(state.transfers, [], "it leads already");

  let done = false;
  const moving = move(other).then(() => {
    done = true;
  });
  lead(null);
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(done, "no leader is not the new leader");
  lead(other);
  await moving;
  t.same(state.transfers, [other]);
  await t.rejects(move(self), { code: "kv.not-leader" });

  lead(self);
  const late = t.rejects(move(other), { code: "kv.timeout-leader-transfer" });
  await clock.advance(7000);
  await late;
  const abort = new AbortController();
  const given = move(other, abort.signal);
  abort.abort();
  await t.rejects(given, { code: "kv.canceled" });
  t.equal(listeners.size, 0);
});

test("Downgrade: targets are checked, beginning one is refused", async (t) => {
  const { handlers, state } = world();
  const { VALIDATE, ENABLE, CANCEL } = DowngradeAction;
  const call = (action: number, version = "") => handlers.Downgrade({ action, version }, {});
  for (const version of ["3.4", "3.4.0"]) t.equal((await call(VALIDATE, version)).version, "3.5.0", version);
  for (const action of [VALIDATE, ENABLE]) {
    for (const version of ["3.5", "3.3.0", "2.4", "4.4"])
      await t.rejects(call(action, version), { code: "kv.downgrade-target-invalid" }, version);
    for (const version of ["", "three", "3", "3.4.x", "v3.4", "3.4.0.0"])
      await t.rejects(call(action, version), { code: "kv.downgrade-version-format" }, version);
  }
  await t.rejects(call(ENABLE, "3.4"), { code: "kv.unimplemented" });
  await t.rejects(call(CANCEL), { code: "kv.no-downgrade" });
  state.decided = false;
  await t.rejects(call(VALIDATE, "3.4"), { code: "kv.cluster-version-unavailable" });
});

test("Alarm: only changes go through the log", async (t) => {
  const { handlers, proposed } = world();
  const { alarms } = await handlers.Alarm(
    { action: AlarmAction.GET, memberID: 4n, alarm: AlarmType.CORRUPT },
    {},
  );
  t.same(alarms, [{ memberID: 4n, alarm: AlarmType.CORRUPT }]);
  t.same(proposed, []);
  const request = { action: AlarmAction.ACTIVATE, memberID: 4n, alarm: AlarmType.NOSPACE };
  await handlers.Alarm(request, {});
  t.same(proposed, [request]);
  for (const strange of [{ action: 9 }, { action: -1 }, { alarm: 3 }, { alarm: 257 }])
    await t.rejects(handlers.Alarm({ ...request, ...strange }, {}), { code: "kv.unimplemented" });
  t.same(proposed, [request]);
});

test("hashes carry the revision that they were computed at, and only so many wait", async (t) => {
  const { handlers } = world();
  t.match(await handlers.HashKV({ revision: 5 }, {}), {
    header: { revision: 9 },
    hash: 7,
    compact_revision: 2,
    hash_revision: 5,
  });
  t.match(await handlers.Hash({}, {}), { header: { revision: 9 }, hash: 7 });

  const order: number[] = [];
  const release = Promise.withResolvers<void>();
  const hasher = new Hasher({
    timed: (work) => work(),
    hashKv: async (revision) => {
      await release.promise;
      order.push(revision);
      if (revision === 1) throw new KvError("kv.compacted");
      return { hash: 0, compactRevision: 0, hashRevision: revision, revision };
    },
  });
  const all = Array.from({ length: 17 }, (_, i) => hasher.hash(i).catch((error: KvError) => error.code));
  t.equal(await all[16], "kv.too-many-requests");
  release.resolve();
  const results = await Promise.all(all);
  t.equal(results[1], "kv.compacted");
  t.same(
    order,
    Array.from({ length: 16 }, (_, i) => i),
    "one after the other, also after a failure",
  );
});

test("what Status calls errors", async (t) => {
  t.same(statusErrors(true, []), []);
  t.same(statusErrors(false, [{ memberID: 123n, alarm: AlarmType.NOSPACE }]), [
    "etcdserver: no leader",
    "memberID:123 alarm:NOSPACE ",
  ]);
  t.equal(alarmText({ memberID: 0n, alarm: AlarmType.CORRUPT }), "alarm:CORRUPT ");
});
