/** Every command of Debian's etcdctl 3.4, beside etcd: a whole agent makes it print the same. */
import { test } from "tap";
import { etcdctlMissing, etcdMissing } from "./etcd.ts";
import { playCommands, playMoveLeader } from "./etcdctl-commands.ts";
import { startOracle, startOurs } from "./suite/target.ts";

const skip = etcdMissing || etcdctlMissing;

test("etcdctl, every command", { skip, timeout: 170_000 }, async (t) => {
  const options = { members: 1, flags: {} };
  const [oracle, ours] = await Promise.all([startOracle(options), startOurs(options)]);
  t.teardown(() => Promise.all([oracle.stop(), ours.stop()]));
  const [expected, actual] = await Promise.all(
    [oracle, ours].map(({ endpoints }) => playCommands(endpoints[0]!)),
  );
  for (const [i, step] of expected!.entries()) t.equal(actual![i], step, step.split("\n")[0]!);
});

test("etcdctl move-leader", { skip, timeout: 120_000 }, async (t) => {
  const options = { members: 3, flags: {} };
  const [oracle, ours] = await Promise.all([startOracle(options), startOurs(options)]);
  t.teardown(() => Promise.all([oracle.stop(), ours.stop()]));
  const [expected, actual] = await Promise.all(
    [oracle, ours].map(({ endpoints }) => playMoveLeader(endpoints)),
  );
  for (const [i, step] of expected!.entries()) t.equal(actual![i], step, step.split("\n")[0]!);
});
