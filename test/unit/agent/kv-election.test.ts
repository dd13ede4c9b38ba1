import { test } from "tap";
import { KvElection } from "../../../src/agent/kv-election.ts";
import { type Clock, silent } from "../../../src/base/ports.ts";
import { HandClock, settled } from "../../support/hand-clock.ts";
import { MemoryKv } from "../../support/memory-kv.ts";

function candidate(name: string, kv: MemoryKv, clock: Clock): KvElection {
  const self = { machineId: name, url: `http://${name}:2379` };
  return new KvElection({ self }, { kv, clock, logger: silent });
}

test("one of two leads, the other knows where; when it goes, the other takes over", async (t) => {
  const clock = new HandClock();
  const kv = new MemoryKv();
  const [a, b] = [candidate("a", kv, clock), candidate("b", kv, clock)];
  a.start();
  await settled();
  b.start();
  await settled();
  t.same(await a.leader(), { url: "http://a:2379", self: true });
  t.same(await b.leader(), { url: "http://a:2379", self: false });
  await a.close();
  t.equal(await a.leader(), null);
  await clock.advance(4000);
  t.same(await b.leader(), { url: "http://b:2379", self: true });
  await b.close();
});

test("a leader that cannot renew stops believing it before its lease ends", async (t) => {
  const clock = new HandClock();
  const kv = new MemoryKv();
  const a = candidate("a", kv, clock);
  a.start();
  await settled();
  t.match(await a.leader(), { self: true });
  kv.fail({ code: "kv.unavailable", count: 100 });
  await clock.advance(4000);
  t.match(await a.leader(), { self: true }, "one missed renewal is nothing");
  await clock.advance(4000);
  await clock.advance(2001);
  t.equal(await a.leader(), null);
  await a.close();
});
