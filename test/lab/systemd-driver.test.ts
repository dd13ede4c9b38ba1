/** The systemd driver on a real systemd: the conformance suite, run inside a host of the lab. */
import tap, { test } from "tap";
import { Lab, skipReason } from "./hosts.ts";

tap.setTimeout(180_000);
const reason = await skipReason();

test("UnitDriver on systemd", { skip: reason ?? false }, async (t) => {
  const lab = await Lab.up(1, { init: "systemd" });
  t.teardown(() => lab.down());
  const suite = new URL("../conformance/systemd-in-host.ts", import.meta.url).pathname;
  const outcome = await lab.host(1).exec([process.execPath, suite], { timeout: 120_000 });
  t.equal(outcome.code, 0, outcome.code === 0 ? "all of the suite" : `${outcome.stdout}\n${outcome.stderr}`);
});
