import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { incarnationOf } from "../../../../src/agent/units/incarnation.ts";

test("an incarnation lasts for one boot and one data directory", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "argosy-incarnation-"));
  t.teardown(() => rmSync(parent, { recursive: true }));
  const [one, other] = [join(parent, "one"), join(parent, "other")];
  const first = incarnationOf(one, "boot1");
  t.match(first, /^[0-9a-f]{32}$/);
  t.equal(incarnationOf(one, "boot1"), first, "an agent that restarts");
  t.not(incarnationOf(other, "boot1"), first);
  t.not(incarnationOf(one, "boot2"), first, "a host that boots");
  t.equal(incarnationOf(other), incarnationOf(other), "with the kernel's own boot id");
});
