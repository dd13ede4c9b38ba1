import { test } from "tap";
import type { DbusConnection } from "../../../../src/host/dbus/connection.ts";
import { SystemdManager } from "../../../../src/host/systemd/manager.ts";

test("jobs leave nothing behind, and end with the connection", async (t) => {
  const closeListeners: (() => void)[] = [];
  let signal = (_message: object): void => {};
  let jobs = 0;
  const connection = {
    call: async () => [`/job/${++jobs}`],
    onSignal: (listener: typeof signal) => {
      signal = listener;
    },
    onClose: (listener: () => void) => closeListeners.push(listener),
  } as unknown as DbusConnection;
  const listener = { unitChanged() {}, jobRemoved() {}, reloaded() {} };
  const manager = new SystemdManager({ connection, listener });
  for (let i = 1; i <= 20; i++) {
    const job = manager.stopAndWait("a.service");
    await new Promise((resolve) => setImmediate(resolve));
    signal({ member: "JobRemoved", body: [i, `/job/${i}`, "a.service", "done"] });
    t.equal(await job, "done");
  }
  t.equal(closeListeners.length, 1);
  const open = [manager.startAndWait("b.service"), manager.stopAndWait("c.service")];
  await new Promise((resolve) => setImmediate(resolve));
  for (const close of closeListeners) close();
  const ends = await Promise.allSettled(open);
  t.strictSame(
    ends.map((end) => end.status === "rejected" && end.reason.code),
    ["dbus.closed", "dbus.closed"],
  );
});
