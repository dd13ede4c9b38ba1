import { test } from "tap";
import type { Outcome } from "../../../src/agent/pending.ts";
import { StateMachine } from "../../../src/agent/state-machine.ts";
import { Index, Instant, LeaseId, Term } from "../../../src/base/ids.ts";
import type { Entry } from "../../../src/raft/entry.ts";
import {
  type CommandKind,
  type CommandRequests,
  encodeCommand,
  encodeRequest,
} from "../../../src/store/command.ts";
import type { StoreWrite } from "../../../src/store/storage.ts";
import { Store } from "../../../src/store/store.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { MemoryRecords } from "../../support/memory-records.ts";

function machine() {
  const records = new MemoryRecords();
  const batches: { applied: Index; writes: number }[] = [];
  const outcomes = new Map<bigint, Outcome>();
  const storage = {
    pendingBytes: 0,
    write(batch: readonly StoreWrite[], applied: Index) {
      batches.push({ applied, writes: batch.length });
      records.write(batch);
    },
  };
  const store = new Store({}, { records });
  store.loaded(Index(0));
  const clock = new HandClock();
  const settle = (requestId: bigint, outcome: Outcome): void => void outcomes.set(requestId, outcome);
  return { store, storage, batches, outcomes, machine: new StateMachine({ store, storage, clock, settle }) };
}

let index = 0;
function entry<Kind extends CommandKind>(term: number, kind: Kind, request: CommandRequests[Kind]): Entry {
  index++;
  const data = encodeCommand({ kind, requestId: BigInt(index), wallMs: 0 }, encodeRequest(kind, request));
  return { type: "normal", index: Index(index), term: Term(term), data };
}
const put = (name: string, lease = 0n): wire.PutRequest =>
  wire.PutRequest.create({ key: Buffer.from(name), value: Buffer.from("v"), lease });
const never = Instant(Number.POSITIVE_INFINITY);

test("entries of one call are one batch that names the last of them", async (t) => {
  index = 0;
  const { machine: subject, batches, outcomes } = machine();
  const empty: Entry = { type: "empty", index: Index(3), term: Term(1), data: new Uint8Array() };
  const entries = [entry(1, "put", put("a")), entry(1, "put", put("b")), empty];
  t.equal(subject.apply(entries, never), 3);
  t.same(
    batches.map(({ applied }) => applied),
    [3],
  );
  t.match(outcomes.get(1n), { response: { header: { revision: 2 } } });
  t.match(outcomes.get(2n), { response: { header: { revision: 3 } } });
});

test("while level is behind nothing is taken; at the deadline it stops early", async (t) => {
  index = 0;
  const { machine: subject, storage, store } = machine();
  const entries = Array.from({ length: 200 }, (_, i) => entry(1, "put", put(`k${i}`)));
  storage.pendingBytes = 1 << 30;
  t.equal(subject.apply(entries, never), 0);
  storage.pendingBytes = 0;
  const taken = subject.apply(entries, Instant(-1));
  t.ok(taken > 0 && taken < 200, `${taken} of 200`);
  t.equal(store.appliedIndex, taken);
  t.equal(subject.apply(entries.slice(taken), never), 200 - taken);
});

test("the rows of a wide delete count when it is time to look at the clock", async (t) => {
  index = 0;
  const { machine: subject } = machine();
  const puts = Array.from({ length: 100 }, (_, i) => entry(1, "put", put(`k${i}`)));
  subject.apply(puts, never);
  const all = wire.DeleteRangeRequest.create({ key: Buffer.from("k"), range_end: Buffer.from("l") });
  const entries = [entry(1, "put", put("a")), entry(1, "delete-range", all), entry(1, "put", put("b"))];
  t.equal(subject.apply(entries, Instant(-1)), 2);
});

test("leases expire only by the term of the leader that found them expired", async (t) => {
  index = 0;
  const { machine: subject, store, outcomes } = machine();
  const late = wire.LeaseExpire.create({ IDs: [7n], term: 1 });
  const entries = [
    entry(1, "lease-grant", wire.LeaseGrantRequest.create({ ID: 7n, TTL: 60 })),
    entry(1, "put", put("held", 7n)),
    entry(2, "lease-expire", late),
  ];
  subject.apply(entries, never);
  const held = (): number => store.range(wire.RangeRequest.create({ key: Buffer.from("held") })).count;
  t.equal(held(), 1, "an expiry that came into the log in the next term is nothing");
  t.equal(outcomes.get(3n)?.error?.code, "kv.leader-changed");
  const remaining = (): number | undefined => store.leases.table.get(LeaseId(7n))?.remainingMs;
  const checkpoint = { checkpoints: [{ ID: 7n, remaining_ms: 5000 }], term: 1 };
  subject.apply([entry(2, "lease-checkpoint", checkpoint)], never);
  t.equal(remaining(), 0, "nor is a checkpoint");
  subject.apply([entry(2, "lease-checkpoint", { ...checkpoint, term: 2 })], never);
  t.equal(remaining(), 5000);
  subject.apply([entry(2, "lease-expire", { ...late, term: 2 })], never);
  t.equal(held(), 0);
});
