import { test } from "tap";
import { globMatches } from "../../../src/units/glob.ts";
import {
  inConflict,
  machineFits,
  requirementsOf,
  requirementsProblem,
} from "../../../src/units/requirements.ts";
import type { UnitOption } from "../../../src/units/unit-file.ts";

const fleet = (...lines: string[]): UnitOption[] =>
  lines.map((line) => {
    const at = line.indexOf("=");
    return { section: "X-Fleet", name: line.slice(0, at), value: line.slice(at + 1) };
  });

test("globs", async (t) => {
  const cases: [pattern: string, text: string, matches: boolean][] = [
    ["*", "a.service", true],
    ["web*", "web@1.service", true],
    ["web@*.service", "web@1.service", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b", "xxaxxbxx", false],
    ["?.service", "a.service", true],
    ["?.service", "ab.service", false],
    ["[a-c].x", "b.x", true],
    ["[^a-c].x", "b.x", false],
    ["[a-", "a", false],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["*", "a/b", false],
    ["a/*", "a/b", true],
    ["", "", true],
    ["a", "", false],
  ];
  for (const [pattern, text, matches] of cases)
    t.equal(globMatches(pattern, text), matches, `${pattern} ~ ${text}`);
  const slow = `${"a*".repeat(40)}b`;
  t.notOk(globMatches(slow, "a".repeat(200)), "a pattern cannot make it slow");
});

test("options that cannot stand together, in order (fleet.md 4.3)", async (t) => {
  const cases: [lines: string[], problem: string | undefined][] = [
    [["MachineOf=a.service", "Conflicts=b*"], undefined],
    [
      ["MachineOf=a.service", "Conflicts=a*", "MachineID=x"],
      'unresolvable requirements: peer "a.service" matches conflict "a*"',
    ],
    [
      ["MachineOf=a.service", "Replaces=a*"],
      'unresolvable requirements: peer "a.service" matches replace "a*"',
    ],
    [["MachineID=x", "MachineOf=a.service"], "MachineID cannot be used with Peers"],
    [["MachineID=x", "Conflicts=a"], "MachineID cannot be used with Conflicts"],
    [["MachineID=x", "Global=true"], "MachineID cannot be used with Global"],
    [["MachineID=x", "Replaces=a"], "MachineID cannot be used with Replaces"],
    [["Global=yes", "MachineOf=a.service"], "Global cannot be used with Peers"],
    [["Global=on", "Replaces=a"], "Global cannot be used with Replaces"],
    [["Conflicts=b", "Replaces=a"], "Conflicts cannot be used with Replaces"],
    [["Replaces=a"], "Replaces is not supported yet"],
    [["Global=false", "MachineOf=a.service"], undefined],
  ];
  for (const [lines, problem] of cases)
    t.equal(requirementsProblem(fleet(...lines)), problem, lines.join(" "));
});

test("values, old spellings, specifiers", async (t) => {
  const wanted = requirementsOf(
    "web@7.service",
    fleet(
      'MachineMetadata="disk=ssd" "disk=nvme"',
      "X-ConditionMachineMetadata=zone=a",
      "MachineMetadata=broken",
      "Conflicts=%p@*.service  other.service",
      "X-ConditionMachineOf=%p-side@%i.service",
      "Global=no",
      "Global=TRUE",
    ),
  );
  t.strictSame(
    [...wanted.metadata].map(([key, values]) => [key, [...values]]),
    [
      ["disk", ["ssd", "nvme"]],
      ["zone", ["a"]],
    ],
  );
  t.strictSame(wanted.conflicts, ["web@*.service", "other.service"]);
  t.strictSame(wanted.peers, ["web-side@7.service"]);
  t.ok(wanted.global);
  t.equal(requirementsOf("a.service", fleet("X-ConditionMachineID=old", "MachineID=new")).machineId, "new");
});

test("machines that fit", async (t) => {
  const machine = { id: "0123456789abcdef", metadata: { disk: "ssd", zone: "a" } };
  const fits = (...lines: string[]): boolean =>
    machineFits(requirementsOf("a.service", fleet(...lines)), machine);
  t.ok(fits());
  t.ok(fits("MachineID=0123456789abcdef"));
  t.ok(fits("MachineID=01234567"));
  t.notOk(fits("MachineID=0123"));
  t.ok(fits('MachineMetadata="disk=hdd" "disk=ssd"', "MachineMetadata=zone=a"));
  t.notOk(fits("MachineMetadata=disk=ssd", "MachineMetadata=zone=b"));
  t.notOk(fits("MachineMetadata=toString=x"));
});

test("conflicts go both ways, and never with oneself", async (t) => {
  const a = requirementsOf("web@1.service", fleet("Conflicts=web@*.service"));
  const b = requirementsOf("web@2.service", []);
  t.ok(inConflict("web@1.service", a, "web@2.service", b));
  t.ok(inConflict("web@2.service", b, "web@1.service", a));
  t.notOk(inConflict("web@1.service", a, "web@1.service", a));
});
