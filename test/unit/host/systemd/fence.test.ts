import { test } from "tap";
import { Instant } from "../../../../src/base/ids.ts";
import { epochOf, Fence, type FenceManager } from "../../../../src/host/systemd/fence.ts";

function fenceOn(start: (unit: string) => string): { fence: Fence; stopped: string[] } {
  const stopped: string[] = [];
  const manager: FenceManager = {
    unitProperty: async (_unit, name) => (name === "InvocationID" ? [0xab, 1] : 7n),
    states: async (units) =>
      new Map(units.map((unit) => [unit, { load: "loaded", active: "active", sub: "active" }])),
    namesLike: async () => ["argosy-fence@1.timer"],
    startAndWait: async (unit) => start(unit),
    stopAndWait: async (unit) => {
      stopped.push(unit);
      return "done";
    },
  };
  const options = {
    startupMicroseconds: 1_000_000n,
    monotonicNanoseconds: 5_000_000_000n,
    now: Instant(2_000),
  };
  return { fence: new Fence(options, manager), stopped };
}

test("arming starts the timer for the instant, then stops the former ones", async (t) => {
  const started: string[] = [];
  const { fence, stopped } = fenceOn((unit) => {
    started.push(unit);
    return "done";
  });
  await fence.arm(Instant(3_000));
  t.strictSame(started, ["argosy-fence@5000000.timer"], "counted from systemd's start");
  t.strictSame(stopped, ["argosy-fence@1.timer"]);
});

test("a timer that did not start is an error, and the former ones stand", async (t) => {
  for (const result of ["failed", "canceled", "dependency", "timeout", "skipped"]) {
    const { fence, stopped } = fenceOn(() => result);
    await t.rejects(fence.arm(Instant(3_000)), { code: "units.driver-failed" }, result);
    t.strictSame(stopped, []);
  }
});

test("the epoch names the lease and the last time the fence fired", async (t) => {
  const state = await fenceOn(() => "done").fence.state();
  t.equal(epochOf(state), "ab01 7");
  t.not(epochOf({ ...state, firedAt: 8n }), epochOf(state));
  t.not(epochOf({ ...state, invocation: "ab02" }), epochOf(state));
});
