/** Long reads in slices, under a clock that moves with every step that is taken, by a millisecond unless said otherwise. */
import { test } from "tap";
import { Slices } from "../../../src/agent/slices.ts";

/** Jobs that note who was at work, and the clock that they drive. */
function world(stepMs = 1): {
  slices: Slices;
  order: string[];
  job: (name: string, steps: number) => Generator<void, string>;
} {
  let now = 0;
  const order: string[] = [];
  function* job(name: string, steps: number): Generator<void, string> {
    for (let i = 0; i < steps; i++) {
      now += stepMs;
      order.push(name);
      yield;
    }
    return name;
  }
  return { slices: new Slices({ now: () => now }), order, job };
}

test("what is small is done at once", async (t) => {
  const { slices, job } = world();
  const promise = slices.run(job("a", 0));
  t.equal(slices.waiting, 0);
  t.equal(await promise, "a");
});

test("jobs share the turns, and all finish", async (t) => {
  const { slices, order, job } = world();
  const names = ["a", "b", "c", "d", "e", "f"];
  const done = Promise.all(names.map((name) => slices.run(job(name, 50))));
  t.equal(slices.waiting, 6);
  t.equal(order.length, 6, "each had a first slice");
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(order.length <= 6 + 5, "one turn is one budget, however many wait");
  t.same(await done, names);
  const last = names.map((name) => order.lastIndexOf(name));
  t.ok(Math.max(...last) - Math.min(...last) < 60, "nobody is kept waiting by another");
  t.equal(order.length, 300);
});

test("many that arrive together hold the loop no longer than a few", async (t) => {
  const { slices, order, job } = world(0.1);
  const all = Promise.all(Array.from({ length: 50 }, (_, i) => slices.run(job(`${i}`, 50))));
  t.ok(order.length <= 4 * 11 + 46, `${order.length} steps of 0.1 ms before the first turn`);
  await all;
  t.equal(order.length, 50 * 50);
});

test("an error is the job's own, and ends only that", async (t) => {
  const { slices, job } = world();
  function* failing(): Generator<void, string> {
    yield* job("x", 5);
    throw new Error("broken");
  }
  const other = slices.run(job("a", 20));
  await t.rejects(slices.run(failing()), { message: "broken" });
  t.equal(await other, "a");
});

test("a canceled job lets go of what it holds", async (t) => {
  const { slices, job } = world();
  let released = false;
  function* holding(): Generator<void, string> {
    try {
      return yield* job("x", 1000);
    } finally {
      released = true;
    }
  }
  const abort = new AbortController();
  const running = slices.run(holding(), abort.signal);
  abort.abort();
  await t.rejects(running, { message: "kv.canceled" });
  t.ok(released);
});

test("pieces come one by one", async (t) => {
  const { slices } = world();
  function* pieces(): Generator<string | null, string> {
    yield null;
    yield "first";
    yield null;
    return "last";
  }
  const steps = pieces();
  t.same(await slices.next(steps), { done: false, value: "first" });
  t.same(await slices.next(steps), { done: true, value: "last" });
});

test("a reader that asks for piece after piece leaves the loop its turns, and shares them", async (t) => {
  const { slices, order, job } = world();
  function* pieces(): Generator<string, string> {
    for (let i = 0; i < 40; i++) {
      order.push("piece");
      yield "piece";
    }
    return "last";
  }
  const steps = pieces();
  const read = async (): Promise<void> => {
    for (let turn: "now" | "queued" = "now"; ; turn = "queued")
      if ((await slices.next(steps, { turn })).done) return;
  };
  let turns = 0;
  let reading = true;
  const count = (): void => {
    turns += 1;
    if (reading) setImmediate(count);
  };
  count();
  const other = slices.run(job("other", 20));
  await read();
  reading = false;
  t.ok(turns >= 40, `${turns} turns for 40 pieces`);
  await other;
});
