import { test } from "tap";
import { connectionsMax } from "../../../src/agent/limits.ts";
import { openFilesMax, ownOpenFilesMax } from "../../../src/host/open-files.ts";

const text = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax open files            ${soft.padEnd(20)} 524288               files     \n`;

test("open files", async (t) => {
  t.equal(openFilesMax(text("1024")), 1024);
  t.equal(openFilesMax(text("unlimited")), Number.POSITIVE_INFINITY);
  t.equal(openFilesMax(""), Number.POSITIVE_INFINITY);
  t.ok(ownOpenFilesMax() > 0);
});

test("what is left for clients", async (t) => {
  for (const [files, connections] of [
    [524_288, 523_088],
    [2400, 1200],
    [1024, 512],
    [101, 50],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const)
    t.equal(connectionsMax(files), connections);
});
