/** Joined intervals against the plainest model there is: a permission holds a key, or it does not. */
import fc from "fast-check";
import { test } from "tap";
import { covers, joinIntervals, permissionsOf } from "../../../../src/store/auth/permissions.ts";
import { contains, type Interval, isEmpty } from "../../../../src/store/interval.ts";
import { PermissionType, Role } from "../../../../src/store/wire/admin-messages.ts";

const at = (low: string, high: string | null): Interval => ({ low, high });
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

test("intervals that overlap or touch are one", (t) => {
  const table: [string, Interval[], Interval[]][] = [
    ["nothing", [], []],
    ["touching", [at("b", "c"), at("a", "b")], [at("a", "c")]],
    ["with a gap", [at("a", "b"), at("b\0", "c")], [at("a", "b"), at("b\0", "c")]],
    ["a key and what follows it", [at("a", "a\0"), at("a\0", "b")], [at("a", "b")]],
    ["inside", [at("a", "z"), at("c", "d")], [at("a", "z")]],
    ["without end", [at("c", null), at("a", "d"), at("x", "y")], [at("a", null)]],
    ["empty ones", [at("b", "b"), at("c", "a")], []],
  ];
  for (const [name, given, expected] of table) t.same(joinIntervals(given), expected, name);
  t.end();
});

test("an interval is covered if one joined interval holds all of it", (t) => {
  const joined = joinIntervals([at("b", "d"), at("d", "f"), at("m", null)]);
  const table: [Interval, boolean][] = [
    [at("b", "f"), true],
    [at("c", "e"), true],
    [at("a", "c"), false],
    [at("e", "g"), false],
    [at("b", null), false],
    [at("f", "f\0"), false],
    [at("m", null), true],
    [at("zz", "zzz"), true],
    [at("a", null), false],
  ];
  for (const [wanted, expected] of table)
    t.equal(covers(joined, wanted), expected, `${wanted.low} to ${wanted.high}`);
  t.end();
});

test("joined intervals hold the same keys as the single ones", (t) => {
  const letter = fc.integer({ min: 0, max: 9 }).map(String);
  const interval = fc.record({ low: letter, high: fc.option(letter, { nil: null }) });
  const keys = Array.from({ length: 10 }, (_, i) => String(i));
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 8 }), interval, (given, wanted) => {
      const joined = joinIntervals(given);
      const isHeld = (key: string): boolean => given.some((each) => contains(each, key));
      for (const key of keys) t.equal(covers(joined, at(key, `${key}\0`)), isHeld(key));
      for (const [i, each] of joined.entries()) {
        const next = joined[i + 1];
        t.notOk(isEmpty(each));
        t.ok(next === undefined || (each.high !== null && each.high < next.low), "gaps between them");
      }
      // Over single letters there are keys between any two, so what is covered is covered by the model too, but for the
      // part behind the last letter, which only an interval without end holds.
      if (isEmpty(wanted)) return;
      const whole = keys.filter((key) => contains(wanted, key)).every(isHeld);
      const end = wanted.high !== null || given.some(({ low, high }) => high === null && low <= "9");
      const longer = given.length === 0 ? false : whole && end;
      t.equal(covers(joined, wanted), longer);
    }),
  );
  t.end();
});

test("reading and writing are granted apart, and READWRITE is both", (t) => {
  const { READ, WRITE, READWRITE } = PermissionType;
  const role = (...perms: [number, string, string][]): Role =>
    Role.create({
      keyPermission: perms.map(([permType, key, end]) => ({
        permType,
        key: bytes(key),
        range_end: bytes(end),
      })),
    });
  const permissions = permissionsOf([
    role([READ, "a", "c"], [WRITE, "c", ""]),
    role([READWRITE, "c", ""], [READ, "x", "\0"]),
  ]);
  t.same(permissions.read, [at("a", "c\0"), at("x", null)]);
  t.same(permissions.write, [at("c", "c\0")]);
  t.end();
});
