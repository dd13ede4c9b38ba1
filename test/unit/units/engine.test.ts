import fc from "fast-check";
import { test } from "tap";
import { Instant } from "../../../src/base/ids.ts";
import { decide } from "../../../src/units/engine.ts";
import { type MachineInWords, registryOf, tableOf, ttlMs, type UnitInWords } from "./build.ts";

const now = Instant(100_000);

function decisions(units: readonly UnitInWords[], machines: readonly MachineInWords[], since = 0): string[] {
  const output = decide({ registry: registryOf(units), table: tableOf(machines, now, since), now });
  return output.decisions.map(({ type, unit, machine }) => `${type} ${unit} ${machine}`);
}

function waiting(units: readonly UnitInWords[], machines: readonly MachineInWords[], since = 0): string[] {
  const output = decide({ registry: registryOf(units), table: tableOf(machines, now, since), now });
  return [...output.waiting].map(([unit, reason]) => `${unit}: ${reason}`);
}

const m = (id: string, more: Partial<MachineInWords> = {}): MachineInWords => ({ id, ...more });
const u = (name: string, more: Partial<UnitInWords> = {}): UnitInWords => ({ name, ...more });

test("placement: least loaded, then id; units in name order", async (t) => {
  t.strictSame(decisions([u("b.service"), u("a.service"), u("c.service")], [m("m2"), m("m1")]), [
    "assign a.service m1",
    "assign b.service m2",
    "assign c.service m1",
  ]);
  t.strictSame(
    decisions(
      [u("a.service", { target: "m1" }), u("b.service")],
      [m("m1", { units: ["a.service"] }), m("m2")],
    ),
    ["assign b.service m2"],
  );
  t.strictSame(decisions([u("a.service", { desired: "inactive" })], [m("m1")]), []);
  t.strictSame(decisions([u("a.service", { desired: "loaded" })], [m("m1")]), ["assign a.service m1"]);
  t.strictSame(waiting([u("a.service")], []), ["a.service: no machine reports"]);
});

test("placement: MachineID, metadata, MachineOf, Conflicts, Global", async (t) => {
  const two = [m("m1"), m("m2", { metadata: { disk: "ssd" } })];
  t.strictSame(decisions([u("a.service", { fleet: ["MachineID=m2"] })], two), ["assign a.service m2"]);
  t.strictSame(decisions([u("a.service", { fleet: ["MachineMetadata=disk=ssd"] })], two), [
    "assign a.service m2",
  ]);
  t.strictSame(waiting([u("a.service", { fleet: ["MachineMetadata=disk=hdd"] })], two), [
    "a.service: m1: MachineID or MachineMetadata does not match; m2: MachineID or MachineMetadata does not match",
  ]);
  t.strictSame(
    decisions([u("a.service", { fleet: ["MachineOf=z.service"] }), u("z.service")], two),
    ["assign z.service m1", "assign a.service m1"],
    "a follower is placed in the same round",
  );
  t.strictSame(
    decisions(
      ["1", "2", "3"].map((i) => u(`w@${i}.service`, { fleet: ["Conflicts=w@*.service"] })),
      two,
    ),
    ["assign w@1.service m1", "assign w@2.service m2"],
  );
  t.strictSame(
    decisions(
      [
        u("g.service", { fleet: ["Global=true", "Conflicts=a.service", "MachineMetadata=disk=ssd"] }),
        u("a.service"),
      ],
      two,
    ),
    ["assign a.service m1"],
    "a global unit is never assigned, but counts where it is",
  );
});

test("leaving: inactive, gone, no longer able; a suspect machine keeps its units", async (t) => {
  const cases: [unit: Partial<UnitInWords>, machines: MachineInWords[], expected: string[]][] = [
    [{ desired: "inactive", target: "m1" }, [m("m1")], ["unassign a.service m1"]],
    [{ target: "m1" }, [m("m1"), m("m2")], []],
    [{ target: "m1" }, [m("m1", { at: now - 10_000 }), m("m2")], []],
    [{ target: "m1" }, [m("m1", { at: now - ttlMs }), m("m2")], ["unassign a.service m1"]],
    [{ target: "m1", fleet: ["MachineMetadata=x=y"] }, [m("m1"), m("m2")], ["unassign a.service m1"]],
    [{ target: "m1", fleet: ["MachineOf=b.service"] }, [m("m1"), m("m2")], ["unassign a.service m1"]],
  ];
  for (const [unit, machines, expected] of cases) {
    t.strictSame(decisions([u("a.service", unit)], machines), expected, JSON.stringify(unit));
  }
});

test("a new engine waits a full TTL before it calls a silent machine gone", async (t) => {
  const units = [u("a.service", { target: "m1" })];
  t.strictSame(decisions(units, [m("m2")], now - ttlMs + 1), []);
  t.strictSame(decisions(units, [m("m2")], now - ttlMs), ["unassign a.service m1"]);
});

test("a unit that was taken from a machine goes elsewhere only when that machine let go, or is gone", async (t) => {
  const unit = [u("a.service", { releasedFrom: "m1" })];
  const cases: [why: string, machines: MachineInWords[], since: number, expected: string[]][] = [
    ["m1 has not acted on it", [m("m1", { revision: 9 }), m("m2")], 0, ["assign a.service m1"]],
    ["m1 still holds it", [m("m1", { units: ["a.service"] }), m("m2")], 0, ["assign a.service m1"]],
    ["m1 is suspect", [m("m1", { revision: 9, at: now - 20_000 }), m("m2")], 0, []],
    ["m1 is unknown to a new engine", [m("m2")], now - 1, []],
    ["m1 is gone", [m("m1", { units: ["a.service"], at: now - ttlMs }), m("m2")], 0, ["assign a.service m2"]],
    ["m1 never came back", [m("m2")], 0, ["assign a.service m2"]],
    ["m1 let go, and is the more loaded", [m("m1"), m("m2")], 0, ["assign a.service m1"]],
  ];
  for (const [why, machines, since, expected] of cases)
    t.strictSame(decisions(unit, machines, since), expected, why);
  const busy = [u("0.service", { target: "m1" }), ...unit];
  const at0 = { units: ["0.service"] };
  t.strictSame(decisions(busy, [m("m1", at0), m("m2")]), ["assign a.service m2"], "m1 let go");
  t.strictSame(decisions(busy, [m("m1", { ...at0, revision: 9 }), m("m2")]), ["assign a.service m1"]);
  const gone = registryOf([]);
  gone.apply([{ key: "/_coreos.com/fleet/release/x.service", value: "m1", revision: 11 }], 11);
  const settle = (revision: number, units: string[]): number =>
    decide({ registry: gone, table: tableOf([m("m1", { revision, units })], now), now }).decisions.length;
  t.strictSame(
    [settle(10, []), settle(11, ["x.service"]), settle(11, [])],
    [0, 0, 1],
    "a destroyed unit's release",
  );
});

test("a unit that any other live machine reports is not placed", async (t) => {
  const held = m("m2", { units: ["a.service"] });
  t.strictSame(decisions([u("a.service")], [m("m1"), held]), ["assign a.service m2"]);
  t.strictSame(decisions([u("a.service", { fleet: ["MachineID=m1"] })], [m("m1"), held]), []);
  t.strictSame(waiting([u("a.service", { fleet: ["MachineID=m1"] })], [m("m1"), held]), [
    "a.service: m1: machine m2 still has it; m2: MachineID or MachineMetadata does not match",
  ]);
});

test("units without conflict patterns are not held against each other", async (t) => {
  let looks = 0;
  const words = Array.from({ length: 1_000 }, (_, i) => u(`u${i}.service`));
  const registry = registryOf([...words, u("picky.service", { fleet: ["Conflicts=x*.service"] })]);
  for (const { requirements } of registry.units.values()) {
    const { conflicts } = requirements;
    Object.defineProperty(requirements, "conflicts", { get: () => ++looks && conflicts });
  }
  const { decisions: made } = decide({ registry, table: tableOf([m("m1"), m("m2")], now), now });
  t.equal(made.length, 1_001);
  t.ok(looks < 10 * 1_001, `${looks} looks at patterns, each unit against each would be 250,000`);
});

test("laws", async () => {
  const id = fc.constantFrom("m1", "m2", "m3", "m4");
  const name = fc.constantFrom("a.service", "b.service", "c@1.service", "c@2.service", "d.timer");
  const unit = fc.record({
    name,
    desired: fc.constantFrom("inactive", "loaded", "launched"),
    target: fc.option(id, { nil: undefined }),
    releasedFrom: fc.option(id, { nil: undefined }),
    fleet: fc.subarray(["Conflicts=c@*.service", "MachineMetadata=k=v"]),
  }) as fc.Arbitrary<UnitInWords>;
  const machine = fc.record({
    id,
    metadata: fc.constantFrom({}, { k: "v" }),
    revision: fc.constantFrom(9, 10),
    units: fc.uniqueArray(name),
    at: fc.constantFrom(now, now - 10_000, now - ttlMs),
  }) as fc.Arbitrary<MachineInWords>;
  const units = fc.uniqueArray(unit, { selector: (one) => one.name });
  const machines = fc.uniqueArray(machine, { selector: (one) => one.id });
  const since = fc.constantFrom(0, now - 1000);
  fc.assert(
    fc.property(units, machines, since, (us, ms, from) => {
      const registry = registryOf(us);
      const table = tableOf(ms, now, from);
      const { decisions: made } = decide({ registry, table, now });
      const again = decide({
        registry: registryOf([...us].reverse()),
        table: tableOf([...ms].reverse(), now, from),
        now,
      });
      if (JSON.stringify(made) !== JSON.stringify(again.decisions)) throw new Error("not deterministic");
      for (const { name: unitName } of us) {
        const mine = made.filter((decision) => decision.unit === unitName && decision.type !== "settle");
        if (mine.length > 1) throw new Error("two decisions about one unit");
        const [decision] = mine;
        if (decision?.type !== "assign") continue;
        const unit = registry.units.get(unitName)!;
        if (unit.target !== null) throw new Error("assigned twice");
        if (table.conditionOf(decision.machine, now) !== "live")
          throw new Error("assigned to a machine that is not live");
        for (const other of ms) {
          if (other.id === decision.machine || table.conditionOf(other.id, now) === "gone") continue;
          if (other.units!.includes(unitName)) throw new Error("another machine holds it");
        }
        const release = registry.releases.get(unitName);
        if (!release || release.machine === decision.machine) continue;
        const former = table.machines.get(release.machine);
        const letGo = former && former.report.revision >= release.revision;
        if (!letGo && table.conditionOf(release.machine, now) !== "gone")
          throw new Error("release not respected");
      }
    }),
    { numRuns: 2000 },
  );
});
