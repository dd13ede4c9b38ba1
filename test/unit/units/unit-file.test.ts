import fc from "fast-check";
import { test } from "tap";
import {
  hashOfUnitText,
  parseUnitFile,
  serializeUnitFile,
  type UnitOption,
} from "../../../src/units/unit-file.ts";

const option = (section: string, name: string, value: string): UnitOption => ({ section, name, value });

test("the vectors of fleet.md 3.3", async (t) => {
  const loop = '[Service]\nExecStart=/bin/bash -c "while true; do echo Hello, World!; sleep 1; done"\n';
  t.equal(
    hashOfUnitText("[Service]\nExecStart=/bin/sleep 100\n"),
    "1c6fb6f3684bafb0c173d8b8b957ceff031180c1",
  );
  t.equal(hashOfUnitText(loop), "3750b3e9f3962a56c7582929426e9abb012754cf");
  const lines = [
    "This=Ignored",
    "# c [x]",
    "[Unit]",
    ";com",
    "Description = Foo  bar ",
    "",
    "[Service]",
    "ExecStart=echo \\",
    '  "pi\\',
    '  ng"',
    "Environment=",
    "ExecStopPost=a\\",
    "",
    "Foo=bar # not comment",
    "A=b=c",
    "# comment cont \\",
    "ExecStop=swallowed",
    "[Unit]",
    "After=z",
    "[X-Fleet]",
    'MachineMetadata="a=b" "c=d"',
  ];
  const options = parseUnitFile(`${lines.join("\n")}\n`);
  t.strictSame(options, [
    option("Unit", "Description", "Foo  bar"),
    option("Service", "ExecStart", 'echo \\\n  "pi\\\n  ng"'),
    option("Service", "Environment", ""),
    option("Service", "ExecStopPost", "a\\\n"),
    option("Service", "Foo", "bar # not comment"),
    option("Service", "A", "b=c"),
    option("Unit", "After", "z"),
    option("X-Fleet", "MachineMetadata", '"a=b" "c=d"'),
  ]);
  t.equal(hashOfUnitText(serializeUnitFile(options)), "23cdbe08aea6ed721ec3f779f01499be3b385e5f");
});

test("what is not a unit file", async (t) => {
  const cases: [text: string, message: string | RegExp][] = [
    ["[Unit", "unable to find end of section"],
    ["[Unit] x\n", /^found garbage after section name Unit/],
    ["[Unit]\nDescription\n", "unexpected newline encountered while parsing option name"],
    ["[Unit]\nDescription", "EOF"],
    [`[Unit]\nA=${"x".repeat(2046)}\n`, "line too long (max 2048 bytes)"],
    [`[Unit]\nA=${"é".repeat(1023)}\n`, "line too long (max 2048 bytes)"],
  ];
  for (const [text, message] of cases) {
    t.throws(
      () => parseUnitFile(text),
      { message, detail: { code: "units.file-malformed" } },
      text.slice(0, 30),
    );
  }
});

test("what is one, though odd", async (t) => {
  const cases: [text: string, options: UnitOption[]][] = [
    ["", []],
    ["# [Unit]\nno section at all", []],
    ["[Unit]\n", []],
    ["[A]\nx=1\\", [option("A", "x", "1\\\n")]],
    ["[A]\r\nx=1\\\r\ny=2\r\n", [option("A", "x", "1\\"), option("A", "y", "2")]],
    [`[A]\nx=${"y".repeat(2045)}\n`, [option("A", "x", "y".repeat(2045))]],
    ["[A]\n[B]\n=\n", [option("B", "", "")]],
  ];
  for (const [text, options] of cases)
    t.strictSame(parseUnitFile(text), options, JSON.stringify(text.slice(0, 30)));
});

test("reading what was written gives the same options, by section", async () => {
  const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
  const value = fc.stringMatching(/^([!-[\]-~][ -[\]-~]{0,20}[!-[\]-~])?$/);
  const options = fc.array(fc.record({ section: word, name: word, value }), { maxLength: 12 });
  fc.assert(
    fc.property(options, (list) => {
      const text = serializeUnitFile(list);
      const sections = [...new Set(list.map(({ section }) => section))];
      const sorted = sections.flatMap((name) => list.filter(({ section }) => section === name));
      const read = parseUnitFile(text);
      return JSON.stringify(read) === JSON.stringify(sorted) && serializeUnitFile(read) === text;
    }),
  );
});

test("any text is read or refused, never worse", async () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("[", "]", "=", "\\", "\n", "#", ";", "a", " ", "\r") }),
      (text) => {
        try {
          parseUnitFile(text);
        } catch (error) {
          return (error as { code?: string }).code === "units.file-malformed";
        }
        return true;
      },
    ),
  );
});
