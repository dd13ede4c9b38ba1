/**
 * Debian's etcdctl 3.4 against our front, with Debian's etcd as the oracle: the same session prints the same. With
 * ARGOSY_ENDPOINT set, the session runs against that server (a whole agent with an empty store) instead of our own front.
 */
import { test } from "tap";
import { etcdctlMissing, etcdMissing, startEtcd, type Target } from "./etcd.ts";
import { play } from "./etcdctl-story.ts";
import { startMemoryFront } from "./memory-front.ts";

const skip = etcdMissing || etcdctlMissing;

test("etcdctl prints the same against etcd and against us", { skip, timeout: 120_000 }, async (t) => {
  const oracle = await startEtcd();
  t.teardown(() => oracle.stop());
  const given = process.env.ARGOSY_ENDPOINT;
  const ours: Target = given ? { endpoint: given, stop: async () => {} } : await startMemoryFront();
  t.teardown(() => ours.stop());
  const [expected, actual] = await Promise.all([play(oracle.endpoint), play(ours.endpoint)]);
  for (const [i, step] of expected.entries()) t.equal(actual[i], step, step.split("\n")[0]!);
});
