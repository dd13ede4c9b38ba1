import { readFileSync, readlinkSync } from "node:fs";
import { test } from "tap";
import { cleanMappings, releaseStartupPages } from "../../../src/host/startup-pages.ts";

const range = (line: string, anonymousKb: number): string =>
  `${line}\nSize: 4 kB\nAnonymous: ${anonymousKb} kB\nVmFlags: rd`;

test("only what cannot be written and holds nothing of its own is given back", async (t) => {
  const smaps = [
    range("00400000-00a00000 r--p 00000000 fe:00 123                               /opt/agent", 0),
    range("00a00000-02000000 r-xp 00600000 fe:00 123                               /opt/agent", 0),
    range("02000000-02100000 r--p 01c00000 fe:00 123                               /opt/agent", 8),
    range("02100000-02200000 rw-p 01d00000 fe:00 123                               /opt/agent", 0),
    range("7f0000000000-7f0000100000 r-xp 00000000 fe:00 77                        /usr/lib/libc.so.6", 0),
    range("7f1000000000-7f1000100000 rwxp 00000000 00:00 0 ", 64),
  ].join("\n");
  t.same(cleanMappings(smaps, "/opt/agent"), [
    { start: 0x400000n, bytes: 0x600000 },
    { start: 0xa00000n, bytes: 0x1600000 },
  ]);
});

test("a process goes on without the pages, and holds less of the file", async (t) => {
  const held = (): number => {
    const path = readlinkSync("/proc/self/exe");
    const ranges = readFileSync("/proc/self/smaps", "latin1").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
    const clean = ranges.filter((text) => text.includes(path) && / r-[x-]p /.test(text));
    return clean.reduce((sum, text) => sum + Number(/^Rss: +(\d+)/m.exec(text)?.[1] ?? 0), 0);
  };
  const before = held();
  await releaseStartupPages();
  const after = held();
  t.ok(after < before, `${before} KiB before, ${after} after`);
  t.equal(JSON.parse('{"still":"here"}').still, "here");
});
