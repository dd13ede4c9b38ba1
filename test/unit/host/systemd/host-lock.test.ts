import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { lockHost } from "../../../../src/host/systemd/host-lock.ts";

test("one process at a time drives a host", async (t) => {
  const parent = await mkdtemp(join(tmpdir(), "argosy-host-"));
  t.teardown(() => rm(parent, { recursive: true }));
  const directory = join(parent, "fleet");
  const first = await lockHost(directory);
  t.ok(first, "the directory is made");
  t.equal(await lockHost(directory), null);
  await first!.release();
  await first!.release();
  const next = await lockHost(directory);
  t.ok(next, "released");
  await next!.release();
});
