/**
 * The child of kill.test.ts: appends entries to the log in argv[2] for as long as it lives and prints the index of each
 * one that was acknowledged. It is killed, so it never ends by itself.
 */
import { writeSync } from "node:fs";
import { batch, entry, openWal, snapshot } from "./support.ts";

const { wal, recovered } = await openWal(process.argv[2]!, { segmentBytes: 65_536 });
let index = recovered.snapshot.index + recovered.entries.length;
for (;;) {
  const count = 1 + (index % 7);
  const entries = Array.from({ length: count }, (_, i) =>
    entry(index + 1 + i, 1, "k".repeat((index * 37) % 3000)),
  );
  await wal.append(batch(...entries));
  index += count;
  writeSync(1, `${index}\n`);
  if (index % 40 === 0) await wal.recordSnapshot(snapshot(index - 20));
}
