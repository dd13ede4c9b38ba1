/** A peer that takes bytes and says nothing any more, as behind a cut cable. Time is the test's own. */
import { connect, createServer, type Socket } from "node:net";
import { test } from "tap";
import { Instant } from "../../../../src/base/ids.ts";
import { type Clock, silent } from "../../../../src/base/ports.ts";
import { RemoteKv } from "../../../../src/host/kv-remote/remote-kv.ts";
import type { KvError } from "../../../../src/store/kv.ts";
import { startMemoryFront } from "../../../compat/memory-front.ts";

class HandClock implements Clock {
  #now = 0;
  /** How many timers were taken back before they fired. */
  canceled = 0;
  readonly #timers = new Set<{ at: number; fire: () => void }>();

  now(): Instant {
    return Instant(this.#now);
  }
  wallMs(): number {
    return this.#now;
  }
  at(at: Instant, fire: () => void): { cancel(): void } {
    const timer = { at, fire };
    this.#timers.add(timer);
    return {
      cancel: () => {
        if (this.#timers.delete(timer)) this.canceled++;
      },
    };
  }
  /** Moves to the next timer and fires it. Its instant. */
  fireNext(): number {
    const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
    if (!next) throw new Error("no timer is set");
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.fire();
    return this.#now;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test("a peer that stops answering pings is left; one that answers is not", async (t) => {
  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: Number(front.endpoint.split(":")[1]) });
    for (const socket of [near, far])
      socket.on("error", () => {}).on("close", () => [near, far].map((s) => s.destroy()));
    near.pipe(far);
    far.pipe(near);
    sockets.push(near, far);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const { port } = proxy.address() as { port: number };
  const clock = new HandClock();
  const options = { endpoints: [`127.0.0.1:${port}`], requestTimeoutMs: 1_000_000 };
  const remote = new RemoteKv(options, { clock, logger: silent });
  t.teardown(() => remote.close());

  const release = front.kv.hold();
  let ended: string | undefined;
  const put = remote.put({ key: Buffer.from("a") }).then(
    () => (ended = "answered"),
    (error: KvError) => (ended = error.code),
  );
  await until(() => front.kv.calls.length === 1);
  for (const at of [6_000, 12_000, 18_000]) {
    const { canceled } = clock;
    t.equal(clock.fireNext(), at, "a ping leaves every six seconds");
    await until(() => clock.canceled > canceled); // the answer takes the timeout back
  }
  for (const socket of sockets) socket.unpipe().pause();
  t.equal(clock.fireNext(), 24_000, "the ping that is not answered");
  t.equal(ended, undefined);
  t.equal(clock.fireNext(), 29_000);
  await put;
  t.equal(ended, "kv.unavailable", "lost at latest eleven seconds after the peer fell silent");
  release();
});
