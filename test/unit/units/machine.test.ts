import { test } from "tap";
import { Instant } from "../../../src/base/ids.ts";
import { desiredUnits } from "../../../src/units/desired.ts";
import { Machine, type MachineEffect, type MachineEvent } from "../../../src/units/machine.ts";
import { hashOfUnitText } from "../../../src/units/unit-file.ts";
import { registryOf, textOf, type UnitInWords } from "./build.ts";

type Given = MachineEvent extends infer Event
  ? Event extends MachineEvent
    ? Omit<Event, "now">
    : never
  : never;

/** A machine, its time, and what it did, in words. */
function bench(): {
  at(ms: number): void;
  step(event: Given): string[];
  wants(...units: UnitInWords[]): string[];
  machine: Machine;
} {
  const machine = new Machine({ fenceStepMs: 5_000 });
  let now = 0;
  const step = (event: Given): string[] =>
    machine.step({ now: Instant(now), ...event } as MachineEvent).map(inWords);
  return {
    machine,
    step,
    at: (ms) => {
      now = ms;
    },
    wants: (...units) => {
      const registry = registryOf(units.map((unit) => ({ target: "m1", ...unit })));
      return step({
        type: "wanted",
        units: desiredUnits(registry, { id: "m1", metadata: {} }),
        revision: 10,
      });
    },
  };
}

function inWords(effect: MachineEffect): string {
  switch (effect.type) {
    case "task":
      return `${effect.task} ${effect.unit} (${effect.reason})`;
    case "arm":
      return `arm ${effect.until}`;
    case "wake":
      return `wake ${effect.at}`;
    default:
      return "report";
  }
}

const active = { load: "loaded", active: "active", sub: "running" };
const armed = (b: ReturnType<typeof bench>): void => {
  b.step({ type: "confirmed", until: Instant(20_000) });
  b.step({ type: "armed", until: Instant(20_000) });
};

test("the life of a unit", async (t) => {
  const b = bench();
  armed(b);
  t.strictSame(b.wants({ name: "a.service" }), ["load a.service (desired state is launched)", "report"]);
  t.match(b.machine.reports(), [{ name: "a.service", launched: false }], "it is reported before it is there");
  t.strictSame(b.step({ type: "done", unit: "a.service", task: "load" }), [
    "start a.service (desired state is launched)",
    "report",
  ]);
  t.strictSame(b.step({ type: "done", unit: "a.service", task: "start" }), ["report"]);
  t.strictSame(b.step({ type: "state", unit: "a.service", state: active }), ["report"]);
  t.match(b.machine.reports(), [{ name: "a.service", launched: true, active: "active" }]);
  t.strictSame(b.wants({ name: "a.service", desired: "loaded" }), [
    "stop a.service (desired state is loaded)",
    "report",
  ]);
  t.strictSame(b.step({ type: "done", unit: "a.service", task: "stop" }), ["report"]);
  t.strictSame(b.wants({ name: "a.service", desired: "inactive" }), [
    "unload a.service (not wanted on this machine)",
    "report",
  ]);
  t.match(b.machine.reports(), [{ name: "a.service" }], "it is reported until it has ended");
  b.step({ type: "done", unit: "a.service", task: "unload" });
  t.strictSame(b.machine.reports(), []);
});

test("nothing starts before the fence is armed, and an idle machine does not arm it", async (t) => {
  const b = bench();
  t.strictSame(b.step({ type: "confirmed", until: Instant(20_000) }), []);
  b.wants({ name: "a.service" });
  t.strictSame(b.step({ type: "done", unit: "a.service", task: "load" }), ["arm 20000", "report"]);
  t.strictSame(
    b.step({ type: "arm-failed" }),
    ["wake 250"],
    "not at once: the service manager may be in trouble",
  );
  b.at(250);
  t.strictSame(b.step({ type: "wake" }), ["arm 20000"]);
  t.strictSame(b.step({ type: "armed", until: Instant(20_000) }), [
    "start a.service (desired state is launched)",
    "report",
  ]);
  b.step({ type: "done", unit: "a.service", task: "start" });
  b.at(4_000);
  t.strictSame(b.step({ type: "confirmed", until: Instant(24_000) }), [], "too little to gain");
  b.at(5_000);
  t.strictSame(b.step({ type: "confirmed", until: Instant(25_000) }), ["arm 25000"]);
});

test("after the fence, units start again only with a new confirmation", async (t) => {
  const b = bench();
  b.wants({ name: "a.service" });
  b.step({ type: "done", unit: "a.service", task: "load" });
  armed(b);
  b.step({ type: "done", unit: "a.service", task: "start" });
  b.at(19_000);
  t.strictSame(b.step({ type: "fenced" }), ["report"]);
  t.match(b.machine.reports(), [{ launched: false }]);
  t.strictSame(b.step({ type: "wake" }), []);
  t.strictSame(b.step({ type: "confirmed", until: Instant(39_000) }), ["arm 39000"]);
  t.strictSame(b.step({ type: "armed", until: Instant(39_000) }), [
    "start a.service (desired state is launched)",
    "report",
  ]);
  t.strictSame(b.step({ type: "fenced" }), [], "the fence overtakes the answer of the start");
  b.step({ type: "done", unit: "a.service", task: "start" });
  t.match(b.machine.reports(), [{ launched: false }]);
});

test("other content: unload, then load", async (t) => {
  const b = bench();
  armed(b);
  b.wants({ name: "a.service" });
  b.step({ type: "done", unit: "a.service", task: "load" });
  b.step({ type: "done", unit: "a.service", task: "start" });
  t.strictSame(b.wants({ name: "a.service", exec: "/bin/true" }), [
    "unload a.service (its content was replaced)",
    "report",
  ]);
  t.strictSame(b.step({ type: "done", unit: "a.service", task: "unload" }), [
    "load a.service (desired state is launched)",
    "report",
  ]);
});

test("a unit that fails is tried again later and later, and delays no other", async (t) => {
  const b = bench();
  armed(b);
  t.strictSame(b.wants({ name: "bad.service" }, { name: "good.service" }), [
    "load bad.service (desired state is launched)",
    "load good.service (desired state is launched)",
    "report",
  ]);
  t.strictSame(b.step({ type: "failed", unit: "bad.service", task: "load" }), ["wake 250"]);
  t.match(b.step({ type: "done", unit: "good.service", task: "load" }), [
    "start good.service (desired state is launched)",
  ]);
  b.at(250);
  t.match(b.step({ type: "wake" }), ["load bad.service (desired state is launched)"]);
  t.strictSame(b.step({ type: "failed", unit: "bad.service", task: "load" }), ["wake 750"]);
  b.at(300);
  t.strictSame(b.wants({ name: "good.service" }), ["report"], "also the unload of it waits");
});

test("what runs already is adopted, not restarted", async (t) => {
  const b = bench();
  const text = textOf({});
  const hash = hashOfUnitText(text);
  const found = (name: string, launched: boolean) => ({ name, text, hash, launched, state: active });
  t.strictSame(b.step({ type: "found", units: [found("a.service", true), found("b.service", true)] }), [
    "report",
  ]);
  t.strictSame(
    b.step({ type: "confirmed", until: Instant(20_000) }),
    ["arm 20000"],
    "its fence is kept up at once",
  );
  b.step({ type: "armed", until: Instant(20_000) });
  t.strictSame(b.wants({ name: "a.service" }), ["unload b.service (not wanted on this machine)", "report"]);
});

const notFound = { load: "not-found", active: "inactive", sub: "dead" };

test("a unit whose file vanished is loaded and started again", async (t) => {
  const b = bench();
  armed(b);
  b.wants({ name: "a.service" });
  b.step({ type: "done", unit: "a.service", task: "load" });
  b.step({ type: "done", unit: "a.service", task: "start" });
  b.step({ type: "state", unit: "a.service", state: active });
  t.strictSame(b.step({ type: "state", unit: "a.service", state: notFound }), [
    "load a.service (desired state is launched)",
    "report",
  ]);
  b.step({ type: "done", unit: "a.service", task: "load" });
  t.strictSame(
    b.step({ type: "state", unit: "a.service", state: notFound }),
    ["report"].slice(1),
    "nothing new",
  );
  // Noticed by the start itself, the state coming before the refusal.
  t.strictSame(b.step({ type: "failed", unit: "a.service", task: "start" }), ["wake 250"]);
  b.at(250);
  t.match(b.step({ type: "wake" }), ["load a.service (desired state is launched)"]);
});

test("a unit that is found without its file is loaded", async (t) => {
  const b = bench();
  const text = textOf({});
  const found = { name: "a.service", text, hash: hashOfUnitText(text), launched: true, state: notFound };
  b.step({ type: "found", units: [found] });
  t.match(b.wants({ name: "a.service" }), ["load a.service (desired state is launched)"]);
});
