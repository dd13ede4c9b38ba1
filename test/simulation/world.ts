/**
 * A cluster in virtual time: members, a network that loses, delays, reorders, doubles and cuts (one way too), disks that are
 * late, processes that crash and stall, clients, and a director who draws the faults from the seed. When the faults stop,
 * the cluster has to come to agree: safety is checked at every step, liveness at the end.
 */
import { MemberId } from "../../src/base/ids.ts";
import { emptyConfiguration, encodeConfiguration, votersOnly } from "../../src/raft/configuration.ts";
import type { Configuration } from "../../src/raft/entry.ts";
import type { Message } from "../../src/raft/message.ts";
import { everybody } from "../../src/raft/quorum.ts";
import { configurationOf } from "../../src/raft/raft.ts";
import { Agenda } from "../support/agenda.ts";
import { describeMessage } from "../support/describe.ts";
import { seededRandom } from "../support/random.ts";
import { Checks, Violation } from "./checks.ts";
import { SimulatedMember, type Surroundings } from "./member.ts";
import type { Sabotage } from "./sabotage.ts";

/** One run. */
export interface RunOptions {
  readonly seed: number;
  readonly sabotage?: Sabotage | null;
  /** Virtual time under faults. */
  readonly faultsMs?: number;
  /** Gets every line of the story. */
  readonly narrate?: (line: string) => void;
}

/** How a run ended. */
export interface RunResult {
  readonly violation: string | null;
  readonly committed: number;
  readonly steps: number;
}

/** Runs the cluster of this seed to its end, or to the first violation. */
export function run(options: RunOptions): RunResult {
  const world = new World(options);
  try {
    world.run();
    return { violation: null, committed: world.checks.acknowledged, steps: world.delivered };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isExpected = error instanceof Violation || error.name === "AssertionFailure";
    if (!isExpected) throw error;
    return { violation: error.message, committed: world.checks.acknowledged, steps: world.delivered };
  }
}

class World implements Surroundings {
  readonly agenda = new Agenda();
  readonly checks = new Checks();
  readonly random;
  readonly sabotage: Sabotage | null;
  readonly members: SimulatedMember[] = [];
  delivered = 0;
  readonly #options: RunOptions;
  readonly #faultsMs: number;
  readonly #cut = new Set<string>();
  #loss = 0;
  #doubling = 0;
  #delayMs = 5;
  #diskMs = 2;
  #isFaulty = true;
  readonly #isHunt: boolean;
  #proposal = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    this.sabotage = options.sabotage ?? null;
    this.#faultsMs = options.faultsMs ?? 20_000;
    this.diskDelayMs = this.diskDelayMs.bind(this);
    this.send = this.send.bind(this);
    this.stream = this.stream.bind(this);
    this.elected = this.elected.bind(this);
    this.narrate = this.narrate.bind(this);
    // 3 or 5 voters; in every third run two more members wait to be added.
    const voters = this.random.pick([3, 3, 5]);
    const spare = this.random.chance(0.33) ? 2 : 0;
    const ids = Array.from({ length: voters + spare }, (_, i) => MemberId(BigInt(i + 1)));
    const configuration = votersOnly(ids.slice(0, voters));
    // Small windows make many messages of few entries: more states between "nothing" and "everything" to crash in.
    this.#isHunt = this.random.chance(0.25);
    const pace = this.#isHunt ? { heartbeatMs: 40, electionMs: 300 } : { heartbeatMs: 100, electionMs: 1000 };
    const limits = this.#isHunt
      ? { ...pace, maxAppendBytes: 1, maxInflight: 1 }
      : {
          ...pace,
          maxAppendBytes: this.random.pick([1, 200, 10_000]),
          maxInflight: this.random.pick([1, 4, 64]),
        };
    for (const [i, id] of ids.entries()) {
      this.members.push(
        new SimulatedMember(id, i < voters ? configuration : emptyConfiguration, limits, this),
      );
    }
  }

  run(): void {
    for (const member of this.members) this.agenda.after(this.random.between(0, 50), () => member.boot());
    if (this.#isHunt) this.#hunt();
    else this.#every(20, this.random.pick([200, 600, 2000]), () => this.#direct());
    this.#every(5, this.random.pick([60, 300]), () => this.#client());
    this.#every(200, 2000, () => this.random.pick(this.members).checkpoint(this.random.below(20)));
    this.agenda.runUntil(this.#faultsMs);
    this.#heal();
    this.agenda.runUntil(this.#faultsMs + 10_000);
    this.#checkLiveness();
  }

  diskDelayMs(): number {
    return this.random.between(0, this.#diskMs);
  }

  send(message: Message): void {
    if (this.#isCut(message.from, message.to) || this.random.chance(this.#loss)) {
      this.narrate(() => `lost: ${describeMessage(message)}`);
      if (this.random.chance(0.3))
        this.#member(message.from)?.event({ type: "unreachable", peer: message.to });
      return;
    }
    const copies = this.random.chance(this.#doubling) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = this.random.between(0.1, this.#delayMs) * (this.random.chance(0.02) ? 20 : 1);
      this.agenda.after(delay, () => {
        if (this.#isCut(message.from, message.to)) return;
        this.narrate(() => `m${message.to} < ${describeMessage(message)}`);
        this.delivered += 1;
        this.#member(message.to)?.receive(message);
      });
    }
  }

  stream(from: SimulatedMember, to: MemberId, announcement: Message, state: number): void {
    if (announcement.type !== "install-snapshot") throw new Error("a stream begins with its announcement");
    const { snapshot } = announcement;
    const { life } = from;
    this.send(announcement);
    this.agenda.after(this.random.between(20, 400), () => {
      const isBroken = this.#isCut(from.id, to) || this.random.chance(this.#loss);
      const receiver = this.#member(to);
      const ok = !isBroken && receiver !== undefined && receiver.installSnapshot(snapshot, state);
      this.narrate(
        () => `snapshot ${snapshot.index} m${from.id} -> m${to} ${ok ? "installed" : "not installed"}`,
      );
      if (from.life === life) from.event({ type: "snapshot-sent", to, index: snapshot.index, ok });
    });
  }

  /** In a hunt leaders live just long enough to replicate a little: the paper's figure 8, over and over. */
  elected(leader: SimulatedMember): void {
    if (!this.#isHunt || !this.#isFaulty) return;
    const { life } = leader;
    this.agenda.after(this.random.between(0, 8 * this.#delayMs), () => {
      if (leader.life === life && this.#isFaulty) this.#crash(leader);
    });
  }

  narrate(line: () => string): void {
    this.#options.narrate?.(`[${this.agenda.now.toFixed(1)}] ${line()}`);
  }

  #member(id: MemberId): SimulatedMember | undefined {
    return this.members.find((member) => member.id === id);
  }

  #isCut(from: MemberId, to: MemberId): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  #every(low: number, high: number, act: () => unknown): void {
    this.agenda.after(this.random.between(low, high), () => {
      act();
      this.#every(low, high, act);
    });
  }

  /** Slow, one entry per message, clients who write at every leader while it lives. */
  #hunt(): void {
    this.#delayMs = this.random.pick([5, 20, 50]);
    this.#loss = this.random.pick([0.1, 0.3, 0.5]);
    this.#diskMs = this.random.pick([2, 20, 100]);
    if (this.random.chance(0.5)) {
      // Voters that come back at once: whoever forgets something does it while the election still goes on.
      this.#every(10, 400, () => this.#isFaulty && this.#crash(this.random.pick(this.members)));
    }
  }

  /** One fault, or the end of one. */
  #direct(): void {
    if (!this.#isFaulty) return;
    const { random, members } = this;
    const victim = random.pick(members);
    const act = random.below(13);
    if (act === 0) this.#loss = random.pick([0, 0, 0.05, 0.3]);
    else if (act === 1) this.#doubling = random.pick([0, 0.2]);
    else if (act === 2) this.#delayMs = random.pick([2, 5, 50, 300]);
    else if (act === 3) this.#diskMs = random.pick([0, 2, 20, 200]);
    else if (act === 4) this.#cutOff(this.#leaderOr(victim), random.pick(["both", "in", "out"]));
    else if (act === 5) this.#split();
    else if (act <= 7) this.#cut.clear();
    else if (act <= 9) this.#crash(random.chance(0.5) ? this.#leaderOr(victim) : victim);
    else if (act === 10) victim.stall(random.between(50, 4000));
    else if (act === 11) for (const member of members) this.#crash(member);
    else this.#operate(victim);
  }

  /** The leader of the highest term, or that member: leaders are the interesting ones. */
  #leaderOr(member: SimulatedMember): SimulatedMember {
    const leaders = this.members.filter(({ raft }) => raft?.role === "leader");
    leaders.sort((left, right) => right.raft!.term - left.raft!.term);
    return leaders[0] ?? member;
  }

  #cutOff(victim: SimulatedMember, direction: "both" | "in" | "out"): void {
    this.narrate(() => `m${victim.id} is cut off: ${direction}`);
    for (const { id } of this.members) {
      if (direction !== "in") this.#cut.add(`${victim.id}>${id}`);
      if (direction !== "out") this.#cut.add(`${id}>${victim.id}`);
    }
  }

  #split(): void {
    const side = this.members.map(() => this.random.chance(0.5));
    this.narrate(() => `split: ${side.map((left) => (left ? "l" : "r")).join("")}`);
    for (const [i, from] of this.members.entries()) {
      for (const [j, to] of this.members.entries())
        if (side[i] !== side[j]) this.#cut.add(`${from.id}>${to.id}`);
    }
  }

  #crash(victim: SimulatedMember): void {
    if (!victim.raft) return;
    victim.crash();
    const { life } = victim;
    this.agenda.after(this.random.pick([1, 50, 1000, 5000]), () => {
      if (victim.life === life && !victim.raft) victim.boot();
    });
  }

  /** Leadership goes elsewhere, or the configuration changes by one. */
  #operate(victim: SimulatedMember): void {
    const leader = this.#leaderOr(victim);
    if (!leader.raft) return;
    const others = this.members.length > 5 || this.members.length === 5;
    if (others && this.random.chance(0.7)) {
      const data = encodeConfiguration(this.#changed(configurationOf(leader.raft), victim.id));
      leader.event({ type: "propose", proposals: [{ type: "configuration", data }] });
    } else {
      leader.event({ type: "transfer-leadership", to: victim.id });
    }
  }

  /** Stranger -> learner -> voter -> removed, but never fewer than three voters. */
  #changed(now: Configuration, member: MemberId): Configuration {
    if (now.votersOutgoing.length > 0) return { ...now, votersOutgoing: [] };
    const without = {
      voters: now.voters.filter((id) => id !== member),
      learners: now.learners.filter((id) => id !== member),
    };
    const add = (list: MemberId[]): MemberId[] =>
      [...list, member].sort((left, right) => (left < right ? -1 : 1));
    if (now.learners.includes(member))
      return { ...now, voters: add(without.voters), learners: without.learners };
    if (!now.voters.includes(member)) return { ...now, learners: add(without.learners) };
    if (without.voters.length < 3) return now;
    const votersOutgoing = this.random.chance(0.5) ? now.voters : [];
    return { ...without, votersOutgoing };
  }

  #client(): void {
    const { random } = this;
    const member = random.pick(this.members);
    if (random.chance(0.4)) member.read();
    else {
      const count = 1 + random.below(3);
      member.propose(Array.from({ length: count }, () => Buffer.from(`p${++this.#proposal}`)));
    }
  }

  #heal(): void {
    this.narrate(() => "faults stop");
    this.#isFaulty = false;
    this.#cut.clear();
    this.#loss = 0;
    this.#doubling = 0;
    this.#delayMs = 5;
    this.#diskMs = 2;
    for (const member of this.members) if (!member.raft) member.boot();
  }

  /** After the faults: one leader, whom everybody in the configuration follows and keeps up with. */
  #checkLiveness(): void {
    const leaders = this.members.filter(({ raft }) => raft?.role === "leader");
    const leader = leaders.sort((left, right) => right.raft!.term - left.raft!.term)[0];
    if (!leader) throw new Violation("no leader ten seconds after the faults stopped");
    const before = this.checks.acknowledged;
    const members = everybody(configurationOf(leader.raft!));
    // Not left to the clients' chance: they may all be asking members that were never added.
    leader.propose([Buffer.from("last")]);
    this.agenda.runUntil(this.agenda.now + 3000);
    for (const member of this.members) {
      if (!members.has(member.id)) continue;
      const lacks = `m${member.id} at ${member.applied} lacks ${before} after the faults stopped`;
      if (member.applied < before || before === 0) throw new Violation(lacks);
      if (member.raft!.leader !== leader.id)
        throw new Violation(`m${member.id} does not follow m${leader.id}`);
    }
    if (this.checks.acknowledged <= before)
      throw new Violation("nothing is committed after the faults stopped");
  }
}
