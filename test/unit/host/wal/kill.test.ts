/** kill -9 of a writer, again and again: every entry that it said was durable is there, without a gap. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "tap";
import { reopen } from "./support.ts";

const rounds = 8;

test(`acknowledged entries survive ${rounds} kills`, async (t) => {
  const directory = join(t.testdir(), "wal");
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "kill-writer.ts"), directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    // Killed after a number of acknowledgements that differs from round to round, in the middle of the next writes.
    let left = 20 + round * 31;
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line);
      if (--left === 0) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    t.equal(child.signalCode, "SIGKILL");
    const recovered = await reopen(directory, { segmentBytes: 65_536 });
    const last = recovered.snapshot.index + recovered.entries.length;
    t.ok(last >= acknowledged, `round ${round}: ${last} recovered, ${acknowledged} acknowledged`);
    const wrong = recovered.entries.filter((one, i) => one.index !== recovered.snapshot.index + 1 + i);
    t.strictSame(wrong, []);
  }
});
