/** Stories and seeded chaos over the whole units module: never two copies, and everything runs again once faults stop. */
import tap, { type Test, test } from "tap";
import { seededRandom } from "../../support/random.ts";
import { UnitsWorld } from "../../support/units-world.ts";

tap.setTimeout(120_000);
const ttlMs = 3_000;

async function worldOf(t: Test, seed: number, { stepMs = 10, ttl = ttlMs } = {}): Promise<UnitsWorld> {
  const world = new UnitsWorld({ agents: 3, ttlMs: ttl, stepMs }, { random: seededRandom(seed) });
  t.teardown(() => world.close());
  for (let i = 0; i < 3; i++) await world.boot(i);
  await world.pass(500);
  return world;
}

async function launch(world: UnitsWorld, ...names: string[]): Promise<void> {
  await Promise.all(names.map((name) => world.anyAgent()!.putUnit(name, world.options(), "launched")));
}

test("units are spread and started, and stop when they are unloaded", async (t) => {
  const world = await worldOf(t, 1);
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(500);
  t.strictSame(world.places(), { "a.service": "m1", "b.service": "m2", "c.service": "m3" });
  await world.pass(500);
  t.match(await world.agents[0]!.module!.unit("a.service"), { currentState: "launched", machineId: "m1" });
  await world.anyAgent()!.putUnit("a.service", [], "inactive");
  await world.anyAgent()!.deleteUnit("b.service");
  await world.pass(500);
  t.strictSame(world.places(), { "c.service": "m3" });
});

test("a host that is powered off is replaced within TTL and a second; one whose agent restarts is not", async (t) => {
  const world = await worldOf(t, 2);
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(1_000);
  await world.kill(1);
  await world.boot(1);
  await world.pass(2 * ttlMs);
  t.equal(world.agents[1]!.host.units.get("b.service")?.starts, 1, "adopted");
  await world.powerOff(2);
  await world.pass(ttlMs + 1_000);
  t.strictSame(Object.keys(world.places()).sort(), ["a.service", "b.service", "c.service"]);
  t.not(world.places()["c.service"], "m3");
});

test("a host that is cut off stops its units before they start elsewhere, and gives them up when it is back", async (t) => {
  const world = await worldOf(t, 3);
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(1_000);
  world.cut(2, true);
  await world.pass(ttlMs * 0.75);
  t.strictSame(Object.keys(world.places()).sort(), ["a.service", "b.service"], "the fence has fired");
  await world.pass(ttlMs);
  t.equal(Object.keys(world.places()).length, 3);
  world.cut(2, false);
  await world.pass(5_000);
  t.strictSame([...world.agents[2]!.host.units.keys()], []);
});

test("a short cut moves nothing, and what the fence stopped starts again where it was", async (t) => {
  const world = await worldOf(t, 4, { ttl: 30_000 });
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(3_000);
  world.cut(2, true);
  await world.pass(21_000);
  world.cut(2, false);
  await world.pass(3_000);
  t.equal(world.places()["c.service"], "m3");
  t.equal(world.agents[2]!.host.units.get("c.service")?.starts, 2);
});

test("a change of leader stops nothing", async (t) => {
  const world = await worldOf(t, 5);
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(1_000);
  for (const next of [1, 2, 0]) {
    world.elect(next, () => 200);
    await world.pass(4_000);
  }
  const starts = world.agents.flatMap(({ host }) => [...host.units.values()].map((unit) => unit.starts));
  t.strictSame(starts, [1, 1, 1]);
});

test("a service manager that re-executes itself costs no unit", async (t) => {
  const world = await worldOf(t, 7);
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(1_000);
  for (const { host } of world.agents) host.loseConnection();
  await world.pass(2 * ttlMs);
  const starts = world.agents.flatMap(({ host }) => [...host.units.values()].map((unit) => unit.starts));
  t.strictSame(starts, [1, 1, 1]);
  await world.anyAgent()!.putUnit("a.service", [], "inactive");
  await world.pass(1_000);
  t.strictSame(Object.keys(world.places()).sort(), ["b.service", "c.service"], "and units are driven again");
});

test("a leader that is cut off, and does not know it, confirms nobody: not even itself", async (t) => {
  const world = await worldOf(t, 6);
  await launch(world, "a.service", "b.service", "c.service");
  await world.pass(1_000);
  world.cut(0, true);
  world.elect(1, () => 60_000);
  await world.pass(ttlMs * 0.75);
  t.notOk(world.places()["a.service"], "its own fence has fired");
  world.elect(2, () => 200);
  await world.pass(3 * ttlMs);
  t.strictSame(Object.values(world.places()).includes("m1"), false);
  t.equal(Object.keys(world.places()).length, 3);
});

for (const seed of seeds()) {
  test(`chaos, seed ${seed}`, async (t) => {
    const random = seededRandom(seed);
    const world = await worldOf(t, seed, { stepMs: 20 });
    const names = ["a.service", "b.service", "c.service", "d.service", "e.service"];
    await launch(world, ...names);
    await world.pass(1_000);
    world.slow = 0.05;
    for (let turn = 0; turn < 60; turn++) {
      await disturb(world, random, names);
      await world.pass(random.below(random.chance(0.3) ? 5_000 : 700));
    }
    // Faults stop; everything has to run again.
    world.loss = 0;
    world.slow = 0;
    for (let i = 0; i < 3; i++) {
      world.agents[i]!.clock.thaw();
      world.cut(i, false);
      if (!world.agents[i]!.module) await world.boot(i);
    }
    world.elect(0);
    await world.pass(30_000);
    await launch(world, ...names);
    await world.pass(6_000);
    t.strictSame(Object.keys(world.places()).sort(), names, "all of them run, once");
  });
}

async function disturb(
  world: UnitsWorld,
  random: ReturnType<typeof seededRandom>,
  names: readonly string[],
): Promise<void> {
  const index = random.below(3);
  const agent = world.agents[index]!;
  const name = random.pick(names);
  const talk = world.anyAgent();
  const kind = random.below(10);
  if (kind === 0) world.cut(index, !agent.cut);
  else if (kind === 1) {
    if (agent.clock.frozen) agent.clock.thaw();
    else if (agent.module) agent.clock.freeze();
  } else if (kind === 2) {
    agent.clock.thaw();
    if (agent.module) await world.kill(index);
    else await world.boot(index);
  } else if (kind === 3 && random.chance(0.5)) {
    agent.clock.thaw();
    await world.powerOff(index);
  } else if (kind === 4) world.elect(index);
  else if (kind === 5) world.loss = random.pick([0, 0, 0.2, 0.6]);
  else if (kind === 6) await talk?.deleteUnit(name);
  else if (kind === 7) await talk?.putUnit(name, world.options(), "inactive");
  else await talk?.putUnit(name, world.options(), "launched");
}

function seeds(): number[] {
  const { UNITS_SEED, UNITS_SEEDS } = process.env;
  if (UNITS_SEED) return [Number(UNITS_SEED)];
  return Array.from({ length: Number(UNITS_SEEDS ?? 10) }, (_, i) => 100 + i);
}
