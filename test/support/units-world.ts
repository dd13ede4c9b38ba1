/**
 * Several agents' units modules on one store in virtual time: the real engine, reconcilers and shells, fake hosts, a network
 * that loses reports and is cut, processes that freeze and die. After every step it is checked that no unit runs twice.
 */

import type { LeaderLocator, PeerHttp } from "../../src/agent/units/ports.ts";
import { startUnits, type UnitsModule } from "../../src/agent/units/units.ts";
import { Instant } from "../../src/base/ids.ts";
import { silent } from "../../src/base/ports.ts";
import { type KvClient, KvError, type WatchSink, type WatchStream } from "../../src/store/kv.ts";
import { readReport } from "../../src/units/report.ts";
import type { UnitOption } from "../../src/units/unit-file.ts";
import { FakeUnitHost } from "./fake-unit-host.ts";
import { MemoryKv } from "./memory-kv.ts";
import type { SeededRandom } from "./random.ts";
import { ProcessClock, rest, VirtualClock } from "./virtual-clock.ts";

export interface UnitsWorldOptions {
  readonly agents: number;
  readonly ttlMs: number;
  readonly stepMs: number;
}

interface Agent {
  readonly id: string;
  readonly url: string;
  readonly host: FakeUnitHost;
  clock: ProcessClock;
  kv: CuttableKv;
  module: UnitsModule | null;
  cut: boolean;
  /** Boots of the host: a new one is a new incarnation. */
  boots: number;
}

export class UnitsWorld {
  readonly clock: VirtualClock = new VirtualClock();
  readonly store: MemoryKv = new MemoryKv();
  readonly agents: Agent[] = [];
  readonly #options: UnitsWorldOptions;
  readonly #random: SeededRandom;
  /** Index of the true leader, and per agent the leader that it believes in. */
  #leader = 0;
  readonly #believes: number[] = [];
  /** Chance that a report or its answer is lost. */
  loss = 0;
  /** Chance that one takes longer than a fence can wait for. */
  slow = 0;

  constructor(options: UnitsWorldOptions, modules: { random: SeededRandom }) {
    this.#options = options;
    this.#random = modules.random;
    for (let i = 0; i < options.agents; i++) {
      const clock = new ProcessClock(this.clock);
      const host = new FakeUnitHost({ stepMs: () => this.#random.below(60) }, { clock: this.clock });
      const kv = new CuttableKv(this.store);
      this.agents.push({
        id: `m${i + 1}`,
        url: `http://m${i + 1}`,
        host,
        clock,
        kv,
        module: null,
        cut: false,
        boots: 1,
      });
      this.#believes.push(0);
    }
  }

  async boot(index: number): Promise<void> {
    const agent = this.agents[index]!;
    agent.clock = new ProcessClock(this.clock);
    agent.kv = new CuttableKv(this.store);
    agent.kv.cut = agent.cut;
    agent.module = await startUnits(
      {
        machineId: agent.id,
        incarnation: `${agent.id} ${agent.boots}`,
        name: agent.id,
        primaryIp: "",
        metadata: {},
        agentTtlMs: this.#options.ttlMs,
        engine: true,
      },
      {
        kv: agent.kv.client,
        driver: agent.host.connect(),
        reopenDriver: async () => agent.host.connect(),
        leader: this.#locator(index),
        clock: agent.clock,
        logger: silent,
        http: this.#http(index),
      },
    );
  }

  /** SIGKILL of the agent: what it started runs on. */
  async kill(index: number): Promise<void> {
    const agent = this.agents[index]!;
    const { module } = agent;
    agent.module = null;
    agent.kv.cut = true;
    await module?.close();
  }

  async powerOff(index: number): Promise<void> {
    await this.kill(index);
    this.agents[index]!.host.powerOff();
    this.agents[index]!.boots++;
  }

  cut(index: number, cut: boolean): void {
    const agent = this.agents[index]!;
    agent.cut = cut;
    agent.kv.setCut(cut);
  }

  /** A new leader; the others hear of it within `hearsMs`, by default soon or, rarely, much later. */
  elect(index: number, hearsMs: () => number = () => this.#hearsMs()): void {
    this.#leader = index;
    this.#believes[index] = index;
    for (let i = 0; i < this.agents.length; i++) {
      if (i === index) continue;
      const hearsAt = Instant(this.clock.now() + hearsMs());
      this.clock.at(hearsAt, () => {
        this.#believes[i] = this.#leader;
      });
    }
  }

  /** An agent that is up and reachable, to talk to. */
  anyAgent(): UnitsModule | undefined {
    return this.agents.find(({ module, cut, clock }) => module && !cut && !clock.frozen)?.module ?? undefined;
  }

  options(): UnitOption[] {
    return [{ section: "Service", name: "ExecStart", value: "/bin/sleep 1000" }];
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end; ) {
      this.clock.agenda.runUntil(Math.min(end, this.clock.now() + this.#options.stepMs));
      await rest(2);
      this.#check();
    }
  }

  /** Where each unit runs: `a.service` -> `m2`. */
  places(): Record<string, string> {
    const places: Record<string, string> = {};
    for (const { id, host } of this.agents) {
      for (const unit of host.units.keys()) if (host.running(unit)) places[unit] = id;
    }
    return places;
  }

  async close(): Promise<void> {
    for (let i = 0; i < this.agents.length; i++) await this.kill(i);
  }

  #hearsMs(): number {
    return this.#random.below(this.#random.chance(0.2) ? 20_000 : 300);
  }

  #check(): void {
    const seen = new Map<string, string>();
    for (const { id, host } of this.agents) {
      for (const unit of host.units.keys()) {
        if (!host.running(unit)) continue;
        const other = seen.get(unit);
        if (other) throw new Error(`at ${this.clock.now()} ms ${unit} runs on ${other} and on ${id}`);
        seen.set(unit, id);
      }
    }
  }

  #locator(index: number): LeaderLocator {
    return {
      leader: async () => {
        const leader = this.#believes[index]!;
        return { url: this.agents[leader]!.url, self: leader === index };
      },
    };
  }

  #http(from: number): PeerHttp {
    return {
      request: async (url, { body, timeoutMs }) => {
        const to = this.agents.findIndex((agent) => url.startsWith(`${agent.url}/`));
        await this.#travel(from, to, timeoutMs);
        const target = this.agents[to]!.module!;
        const answer = body === undefined ? target.ownClusterState() : await target.report(readReport(body)!);
        await this.#travel(to, from, timeoutMs);
        return answer;
      },
    };
  }

  /** One way: takes time, and may not arrive. A frozen process takes it when it thaws. */
  async #travel(from: number, to: number, timeoutMs: number): Promise<void> {
    const lost = this.agents[from]!.cut || this.agents[to]!.cut || this.#random.chance(this.loss);
    const wait = lost ? timeoutMs : this.#random.below(this.#random.chance(this.slow) ? 800 : 30);
    await new Promise<void>((resolve) => {
      this.clock.at(Instant(this.clock.now() + wait), () => this.agents[to]!.clock.whenThawed(resolve));
    });
    if (lost || this.agents[to]!.cut || !this.agents[to]!.module) throw new Error("lost");
  }
}

/** A store that can be out of reach. */
class CuttableKv {
  cut = false;
  readonly #streams = new Set<() => void>();

  /** The store as seen through this gate. */
  readonly client: KvClient;

  constructor(store: KvClient) {
    const call = (name: string): ((...args: unknown[]) => Promise<unknown>) => {
      const method = Reflect.get(store, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args) => {
        if (this.cut) throw new KvError("kv.unavailable");
        const answer = await method.apply(store, args);
        if (this.cut) throw new KvError("kv.unavailable");
        return answer;
      };
    };
    const openWatch = (sink: WatchSink): WatchStream => this.#openWatch(store, sink);
    const get = (_target: object, name: string): unknown => (name === "openWatch" ? openWatch : call(name));
    this.client = new Proxy({}, { get }) as KvClient;
  }

  setCut(cut: boolean): void {
    this.cut = cut;
    if (cut) for (const end of [...this.#streams]) end();
  }

  #openWatch(store: KvClient, sink: WatchSink): WatchStream {
    const state: { open: boolean; inner: WatchStream | null } = { open: true, inner: null };
    const end = (): void => {
      if (!state.open) return;
      state.open = false;
      this.#streams.delete(end);
      state.inner?.close();
      sink.closed(new KvError("kv.unavailable"));
    };
    if (this.cut) queueMicrotask(end);
    else {
      state.inner = store.openWatch({
        deliver: (response) => !state.open || sink.deliver(response),
        closed: () => end(),
      });
    }
    this.#streams.add(end);
    return {
      create: (request) => state.inner?.create(request),
      cancel: (id) => state.inner?.cancel(id),
      requestProgress: () => state.inner?.requestProgress(),
      resume: () => state.inner?.resume(),
      close: () => {
        state.open = false;
        this.#streams.delete(end);
        state.inner?.close();
      },
    };
  }
}
