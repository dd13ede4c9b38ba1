/** The engine's claim on the registry, on the store's fake. */
import { type Test, test } from "tap";
import { EngineLoop } from "../../../src/agent/units/engine-loop.ts";
import { RegistryView } from "../../../src/agent/units/registry-view.ts";
import { utf8 } from "../../../src/base/bytes.ts";
import { type Logger, silent } from "../../../src/base/ports.ts";
import { registryKeys } from "../../../src/units/registry.ts";
import { assignUnit, claimEngine, unassignUnit, writeUnit } from "../../../src/units/registry-writes.ts";
import type { ReportAnswer } from "../../../src/units/report.ts";
import { hashOfUnitText } from "../../../src/units/unit-file.ts";
import { MemoryKv } from "../../support/memory-kv.ts";
import { rest, VirtualClock } from "../../support/virtual-clock.ts";
import { reportOf, textOf, ttlMs } from "./build.ts";

function bench(t: Test) {
  const kv = new MemoryKv();
  const clock = new VirtualClock();
  const errors: string[] = [];
  const logger: Logger = { ...silent, error: (_fields, message) => errors.push(message) };
  const view = new RegistryView({ kv, clock, logger: silent });
  const engines: EngineLoop[] = [];
  view.onChange(() => {
    for (const engine of engines) engine.changed();
  });
  const begin = (machineId = "m1"): EngineLoop => {
    const engine = new EngineLoop({ machineId, ttlMs }, { kv, view, clock, logger });
    engines.push(engine);
    return engine;
  };
  const create = async (unit: string): Promise<number> => {
    const text = textOf({});
    const answer = await kv.txn(writeUnit(unit, { hash: hashOfUnitText(text), text }, "launched", null));
    return answer.header!.revision;
  };
  const read = async (key: string): Promise<{ value: string; revision: number } | null> => {
    const [pair] = (await kv.range({ key: utf8.encode(key) })).kvs;
    return pair ? { value: utf8.decode(pair.value), revision: pair.mod_revision } : null;
  };
  t.teardown(() => {
    for (const engine of engines) engine.close();
    view.close();
  });
  return { kv, clock, view, begin, create, read, errors };
}

const confirmed = (answer: ReportAnswer): boolean => answer.confirmed;

test("nothing is written before the first unit; then the claim, and who has reported counts at once", async (t) => {
  const { kv, begin, create, read, errors } = bench(t);
  const engine = begin();
  await rest(10);
  for (const id of ["m1", "m2"]) t.ok(confirmed(await engine.report(reportOf({ id, revision: 1 }))));
  t.equal(kv.store.revision, 1, "the store of a fresh etcd");
  await Promise.all([create("a.service"), create("b.service")]);
  await rest(20);
  t.match(await read(registryKeys.engineLeader()), { revision: Number });
  t.strictSame(
    [await read(registryKeys.target("a.service")), await read(registryKeys.target("b.service"))].map(
      (pair) => pair?.value,
    ),
    ["m1", "m2"],
    "spread over both, although neither has reported since the claim",
  );
  const answer = await engine.report(reportOf({ id: "m2", revision: 1 }));
  const claim = (await read(registryKeys.engineLeader()))!.revision;
  t.strictSame(answer, { confirmed: false, reason: "behind", revision: claim });
  t.ok(confirmed(await engine.report(reportOf({ id: "m2", revision: claim }))));
  t.strictSame(errors, []);
});

test("of two engines on an unused store, only the one that claims goes on", async (t) => {
  const { begin, create, read } = bench(t);
  const engines = [begin("m1"), begin("m2")];
  await rest(10);
  for (const engine of engines) t.ok(confirmed(await engine.report(reportOf({ id: "m1", revision: 1 }))));
  await create("a.service");
  await rest(20);
  const leader = await read(registryKeys.engineLeader());
  t.match(leader, { value: /m1/ }, "the first");
  const fresh = reportOf({ id: "m1", revision: 1_000 });
  t.strictSame((await Promise.all(engines.map((engine) => engine.report(fresh)))).map(confirmed), [
    true,
    false,
  ]);
});

test("other writes to the store hold up neither the beginning nor confirmations", async (t) => {
  const { kv, begin } = bench(t);
  await rest(10);
  for (let i = 0; i < 5; i++) await kv.put({ key: utf8.encode(`other${i}`), value: utf8.encode("x") });
  const engine = begin();
  await rest(10);
  t.ok(confirmed(await engine.report(reportOf({ id: "m1", revision: 1 }))));
});

test("after the registry was listed anew, machines have to reach a later claim", async (t) => {
  const { kv, view, clock, begin, create, read } = bench(t);
  await create("a.service");
  const engine = begin();
  await rest(10);
  const first = (await read(registryKeys.engineLeader()))!.revision;
  t.ok(confirmed(await engine.report(reportOf({ id: "m1", revision: first }))));
  await rest(10);
  // While the watch is away, a unit is taken from m1 and the release settled; then history is compacted.
  const hold = kv.hold();
  kv.breakWatches();
  hold();
  await kv.txn(unassignUnit("a.service", "m1", first));
  await kv.txn(assignUnit("a.service", "m1", first));
  await kv.compact({ revision: kv.store.revision });
  const before = kv.store.revision;
  await clock.pass(5_000);
  t.ok(view.registry.resetRevision >= before, "listed anew");
  const claim = (await read(registryKeys.engineLeader()))!.revision;
  t.ok(claim > before, "claimed again, so that there is a revision which every machine will see");
  t.equal((await engine.report(reportOf({ id: "m1", revision: first }))).confirmed, false);
  t.ok(confirmed(await engine.report(reportOf({ id: "m1", revision: claim }))));
});

test("a second host with the same machine id is refused, and once logged as an error", async (t) => {
  const { begin, clock, errors } = bench(t);
  const engine = begin();
  await rest(10);
  await engine.report(reportOf({ id: "m1" }));
  const second = reportOf({ id: "m1", incarnation: "second" });
  for (let i = 0; i < 3; i++) t.match(await engine.report(second), { reason: "duplicate-id" });
  t.equal(errors.length, 1);
  t.match(errors[0], /machine-id/);
  await clock.pass(ttlMs, 1_000);
  t.ok(confirmed(await engine.report(second)), "the first is gone");
  t.match(await engine.report(reportOf({ id: "m1" })), { reason: "duplicate-id" }, "and now is the second");
});

test("an engine that was superseded claims nothing again", async (t) => {
  const { kv, begin, create, read } = bench(t);
  await create("a.service");
  const engine = begin();
  await rest(10);
  await kv.txn(claimEngine("m9"));
  await rest(10);
  t.ok(engine.superseded);
  t.match(await read(registryKeys.engineLeader()), { value: /m9/ });
  t.notOk(confirmed(await engine.report(reportOf({ id: "m1", revision: 1_000 }))));
});

test("a wait for a revision ends after five seconds and leaves nothing behind", async (t) => {
  const { view, clock } = bench(t);
  await rest(10);
  const wait = view.reached(1_000);
  t.equal(view.waiting, 1);
  const ended = t.rejects(wait, { code: "kv.timeout" });
  await clock.pass(5_000, 500);
  await ended;
  t.equal(view.waiting, 0);
});
