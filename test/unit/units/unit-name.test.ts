import { test } from "tap";
import {
  isReservedUnitName,
  isTemplate,
  unitNameParts,
  unitNameProblem,
} from "../../../src/units/unit-name.ts";

test("rules of names, first failure reported (fleet.md 3.1)", async (t) => {
  const cases: [name: string, problem: string | undefined][] = [
    ["hello.service", undefined],
    ["a:b-c_d.e\\x2d.mount", undefined],
    ["foo@bar@baz.service", undefined],
    ["foo@.timer", undefined],
    ["", "unit name cannot be empty"],
    [`${"a".repeat(249)}.service`, "unit name exceeds maximum length (256)"],
    ["hello", 'unit name must contain "."'],
    ["hello.", 'unit name cannot end in "."'],
    ["hello.conf", 'invalid unit type: "conf"'],
    ["a@b.mount", 'invalid unit type for template: "mount"'],
    ["he llo.service", "invalid character ' ' in unit name"],
    ["a/b.service", "invalid character '/' in unit name"],
    ["@a.service", 'unit name cannot start in "@"'],
  ];
  for (const [name, problem] of cases) t.equal(unitNameProblem(name), problem, name.slice(0, 40));
});

test("parts", async (t) => {
  t.strictSame(unitNameParts("foo@bar@baz.service"), {
    name: "foo@bar@baz",
    prefix: "foo",
    instance: "bar@baz",
    type: "service",
  });
  t.strictSame(unitNameParts("a.b.timer"), { name: "a.b", prefix: "a.b", instance: null, type: "timer" });
  t.ok(isTemplate("a@.service"));
  t.notOk(isTemplate("a@b.service"));
  t.notOk(isTemplate("a.service"));
});

test("names of the agent's own units are reserved", async (t) => {
  t.strictSame(
    ["argosy-fence.target", "argosy-x.service", "argosy.service", "my-argosy-x.service"].map(
      isReservedUnitName,
    ),
    [true, true, false, false],
  );
});
