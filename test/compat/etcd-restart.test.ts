/** A real etcd that is killed and comes back: the watch of RemoteKv neither loses nor repeats an event. */
import { rmSync } from "node:fs";
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { systemClock } from "./clock.ts";
import { etcdMissing, freePort, startEtcd } from "./etcd.ts";

test("a watch outlives a restart of etcd", { skip: etcdMissing }, async (t) => {
  const port = await freePort();
  const first = await startEtcd({ port, keep: true });
  t.teardown(() => rmSync(first.directory, { recursive: true, force: true }));
  const modules = { clock: systemClock, logger: silent };
  const remote = new RemoteKv({ endpoints: [first.endpoint], requestTimeoutMs: 10_000 }, modules);
  t.teardown(() => remote.close());
  const seen: number[] = [];
  let wake = (): void => {};
  const watch = remote.openWatch({
    deliver: (response) => {
      for (const event of response.events) seen.push(event.kv!.mod_revision);
      wake();
      return true;
    },
    closed: (error) => t.fail(`closed: ${error}`),
  });
  const key = Buffer.from("key");
  const put = async (): Promise<number> => (await remote.put({ key })).header!.revision;
  const written = [await put()];
  watch.create({ key, start_revision: written[0]! });
  written.push(await put());
  while (seen.length < 2) await new Promise<void>((resolve) => (wake = resolve));
  await first.stop();
  const second = await startEtcd({ port, directory: first.directory, keep: true });
  t.teardown(() => second.stop());
  written.push(await put(), await put());
  while (seen.length < 4) await new Promise<void>((resolve) => (wake = resolve));
  t.strictSame(seen, written);
  watch.close();
});
