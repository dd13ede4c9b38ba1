import { test } from "tap";
import { Instant } from "../../../src/base/ids.ts";
import { MachineTable } from "../../../src/units/machine-table.ts";
import { readReport } from "../../../src/units/report.ts";
import { reportOf, ttlMs } from "./build.ts";

test("what is a report", async (t) => {
  const report = reportOf({ id: "m1", units: ["a.service"] });
  t.strictSame(readReport(JSON.parse(JSON.stringify(report))), report);
  const cases: [field: string, value: unknown, accepted: boolean][] = [
    ["ttlMs", 86_400_000, true],
    ["ttlMs", 86_400_001, false],
    ["ttlMs", Number.POSITIVE_INFINITY, false],
    ["ttlMs", Number.NaN, false],
    ["ttlMs", 0, false],
    ["ttlMs", "30000", false],
    ["incarnation", "", false],
    ["incarnation", undefined, false],
    ["challenged", undefined, false],
    ["revision", -1, false],
    ["units", [{}], false],
  ];
  for (const [field, value, accepted] of cases)
    t.equal(readReport({ ...report, [field]: value }) !== undefined, accepted, `${field} ${String(value)}`);
});

test("a second host with the id of one that is not gone", async (t) => {
  const table = new MachineTable({ ttlMs, since: Instant(0) });
  const [first, second] = ["first", "second"].map((incarnation) => reportOf({ id: "m1", incarnation }));
  const duplicate = (report: typeof first, at: number): boolean => table.isDuplicate(report!, Instant(at));
  t.equal(duplicate(second, 0), false, "nobody has reported yet");
  table.take(first!, Instant(0));
  t.equal(duplicate(first, 1), false, "the same host");
  t.equal(duplicate(second, ttlMs - 1), true);
  t.equal(duplicate(second, ttlMs), false, "the first is gone");
  const next = new MachineTable({ ttlMs, since: Instant(0) });
  const again = reportOf({ id: "m1", incarnation: "second", challenged: true });
  t.equal(next.isDuplicate(again, Instant(ttlMs - 1)), true, "a new engine hears the refused one first");
  t.equal(next.isDuplicate(again, Instant(ttlMs)), false, "the other would have reported by now");
});

test("an engine that claims again keeps what it knows, and calls nobody gone for a TTL", async (t) => {
  const former = new MachineTable({ ttlMs, since: Instant(0) });
  former.take(reportOf({ id: "m1", units: ["a.service"] }), Instant(0));
  const table = former.since(Instant(ttlMs - 1));
  t.ok(table.machines.get("m1")?.units.has("a.service"));
  t.equal(table.conditionOf("m1", Instant(ttlMs)), "suspect");
  t.equal(table.conditionOf("m2", Instant(ttlMs)), "suspect", "also one that never reported");
  t.equal(table.nextChange(Instant(ttlMs)), 2 * ttlMs - 1);
  t.equal(table.conditionOf("m1", Instant(2 * ttlMs - 1)), "gone");
});
