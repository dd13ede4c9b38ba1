/** One simulated server: a raft core, its disk, its state machine, and the small shell between them. */
import { Index, Instant, type MemberId } from "../../src/base/ids.ts";
import type { Configuration, Entry, SnapshotMeta } from "../../src/raft/entry.ts";
import type { RaftEffect, RaftEvent } from "../../src/raft/event.ts";
import { footprint, regressions, violations } from "../../src/raft/invariants.ts";
import type { Message } from "../../src/raft/message.ts";
import { agreed } from "../../src/raft/quorum.ts";
import { configurationOf, createRaft, type Raft, type RaftOptions } from "../../src/raft/raft.ts";
import { installSnapshot, isSnapshotNeeded } from "../../src/raft/snapshot.ts";
import { step } from "../../src/raft/step.ts";
import type { Agenda } from "../support/agenda.ts";
import type { UnstampedEvent } from "../support/raft-event.ts";
import type { SeededRandom } from "../support/random.ts";
import { applyTo, type Checks, emptyState, Violation } from "./checks.ts";
import { SimulatedDisk } from "./disk.ts";
import type { Sabotage } from "./sabotage.ts";

/** What the world does for a member. */
export interface Surroundings {
  readonly agenda: Agenda;
  readonly random: SeededRandom;
  readonly checks: Checks;
  readonly sabotage: Sabotage | null;
  /** Whether disks are slow now. */
  diskDelayMs(): number;
  send(message: Message): void;
  /** Carries the state machine of `from` to `to`; the announcement goes first. */
  stream(from: SimulatedMember, to: MemberId, announcement: Message, state: number): void;
  elected(leader: SimulatedMember): void;
  narrate(line: () => string): void;
}

/** Pace and windows of the core, which a run varies. */
export type MemberLimits = Required<
  Pick<RaftOptions, "heartbeatMs" | "electionMs" | "maxAppendBytes" | "maxInflight">
>;

/** A server that can crash and come back. */
export class SimulatedMember {
  readonly id: MemberId;
  readonly disk: SimulatedDisk;
  raft: Raft | null = null;
  /** State of the state machine, and the index it stands at. */
  state = emptyState;
  applied = Index(0);
  /** What a crash leaves of it. */
  #durableState = emptyState;
  #durableApplied = Index(0);
  readonly #limits: MemberLimits;
  readonly #surroundings: Surroundings;
  /** Distinguishes process lives: what was on its way to an earlier one is void. */
  life = 0;
  #stalledUntil = 0;
  #wake = 0;
  #diskFreeAt = 0;
  #held: { sequence: number; message: Message }[] = [];
  #readsBegun = new Map<bigint, number>();
  #context = 0n;
  #expected: SnapshotMeta | null = null;

  constructor(id: MemberId, configuration: Configuration, limits: MemberLimits, surroundings: Surroundings) {
    this.id = id;
    this.#limits = limits;
    this.disk = new SimulatedDisk(configuration);
    this.#surroundings = surroundings;
  }

  get readsPending(): number {
    return this.#readsBegun.size;
  }

  /** Starts the process from what its disk holds. */
  boot(): void {
    const { sabotage, random } = this.#surroundings;
    const { disk } = this;
    this.state = this.#durableState;
    this.applied = this.#durableApplied;
    if (sabotage === "forget-vote") disk.hardState = { ...disk.hardState, vote: null };
    if (sabotage === "forget-term") {
      const term = disk.entries.at(-1)?.term ?? disk.base.term;
      disk.hardState = { ...disk.hardState, term, vote: null };
    }
    if (sabotage === "compact-unapplied-restart")
      this.applied = disk.entries.at(-1)?.index ?? disk.base.index;
    this.raft = createRaft({
      id: this.id,
      configuration: disk.baseConfiguration,
      hardState: disk.hardState,
      snapshot: disk.base,
      entries: disk.entries,
      applied: this.applied,
      seed: random.uint32(),
      ...this.#limits,
      trace: true,
    });
    this.#surroundings.narrate(() => `m${this.id} boots at ${disk.base.index}..${this.raft!.log.lastIndex}`);
    this.step({ type: "start" });
  }

  /** The process dies; so do all its plans, and what its disk had not written. */
  crash(): void {
    this.#surroundings.narrate(() => `m${this.id} crashes`);
    this.life += 1;
    this.raft = null;
    this.disk.crash(this.#surroundings.random.below(this.disk.pending.length + 1));
    this.#diskFreeAt = 0;
    this.#held = [];
    this.#readsBegun.clear();
    this.#expected = null;
    this.#stalledUntil = 0;
  }

  /** The process stands still; what comes meanwhile waits. */
  stall(ms: number): void {
    this.#stalledUntil = this.#surroundings.agenda.now + ms;
  }

  /** Runs `act` in this life of the process, when it does not stand still. */
  #whenAwake(act: () => void): void {
    const { agenda } = this.#surroundings;
    const { life } = this;
    const attempt = (): void => {
      if (this.life !== life || !this.raft) return;
      if (this.#stalledUntil > agenda.now) agenda.at(this.#stalledUntil, attempt);
      else act();
    };
    attempt();
  }

  /** A message arrives. */
  receive(message: Message): void {
    this.#whenAwake(() => this.step({ type: "receive", message: this.#sabotaged(message) }));
  }

  /** A client wants to write, if the process is awake. */
  propose(data: Uint8Array[]): void {
    const proposals = data.map((bytes) => ({ type: "normal" as const, data: bytes }));
    this.#whenAwake(() => this.step({ type: "propose", proposals }));
  }

  /** An operator, or an accident. */
  event(event: UnstampedEvent): void {
    this.#whenAwake(() => this.step(event));
  }

  /** A client wants to read. */
  read(): void {
    this.#whenAwake(() => {
      this.#context += 1n;
      const context = this.#context;
      const { checks, sabotage } = this.#surroundings;
      this.#readsBegun.set(context, checks.acknowledged);
      if (sabotage === "stale-read" && this.raft!.role === "leader") {
        this.#perform({ type: "read-ready", context, index: this.raft!.commit });
        return;
      }
      this.step({ type: "read", context });
    });
  }

  /** The state machine becomes durable, and now and then lets the log go. */
  checkpoint(keep: number): void {
    this.#whenAwake(() => {
      this.#durableState = this.state;
      this.#durableApplied = this.applied;
      const keepFrom = Index(Math.max(1, this.raft!.applied + 1 - keep));
      this.disk.compact(keepFrom);
      this.step({ type: "compact", keepFrom });
    });
  }

  /** The announced stream has come: swaps the state machine, unless it is no longer wanted. */
  installSnapshot(snapshot: SnapshotMeta, state: number): boolean {
    const raft = this.raft;
    if (
      !raft ||
      this.#expected?.index !== snapshot.index ||
      this.#stalledUntil > this.#surroundings.agenda.now
    )
      return false;
    while (this.disk.pending.length > 0) this.#completeWrite();
    if (!isSnapshotNeeded(raft, snapshot)) return false;
    this.#expected = null;
    this.disk.install(snapshot);
    this.state = state;
    this.applied = snapshot.index;
    this.#durableState = state;
    this.#durableApplied = snapshot.index;
    this.step({ type: "snapshot-installed", snapshot });
    return true;
  }

  /** One event into the core, its effects out, all checks. */
  step(body: UnstampedEvent): void {
    const raft = this.raft!;
    const { checks, agenda } = this.#surroundings;
    const before = footprint(raft);
    const event = { ...body, now: Instant(agenda.now) } as RaftEvent;
    const effects = step(raft, event);
    const after = footprint(raft);
    if (event.type !== "snapshot-installed" && after.commit > before.commit)
      checks.committed(raft, before.commit);
    const wrong = [...regressions(before, after), ...(agenda.now % 8 < 1 ? violations(raft) : [])];
    if (wrong.length > 0) throw new Violation(`m${this.id}: ${wrong.join("; ")}`);
    for (const effect of effects) {
      if (this.raft !== raft) return;
      this.#perform(effect);
    }
    if (this.#surroundings.sabotage === "commit-old-term") this.#commitByCounting(raft);
  }

  #perform(effect: RaftEffect): void {
    const raft = this.raft!;
    const { agenda, checks, sabotage, narrate, stream } = this.#surroundings;
    switch (effect.type) {
      case "persist":
        checks.appended(raft.log.termAt(Index((effect.entries[0]?.index ?? 1) - 1)), effect.entries);
        this.disk.pending.push(effect);
        this.#write(effect.sequence);
        if (sabotage === "own-vote-before-persist") {
          const { sequence } = effect;
          const { life } = this;
          agenda.after(0, () => {
            if (this.life === life) this.event({ type: "persisted", sequence, last: null });
          });
        }
        break;
      case "send":
        this.#surroundings.send(effect.message);
        break;
      case "send-after-persist":
        if (this.disk.pending.length === 0 || sabotage === "answer-before-persist") {
          this.#surroundings.send(effect.message);
        } else {
          this.#held.push({ sequence: this.disk.pending.at(-1)!.sequence, message: effect.message });
        }
        break;
      case "apply":
        this.#apply(effect.entries);
        break;
      case "read-ready": {
        const floor = this.#readsBegun.get(effect.context);
        if (floor === undefined) throw new Violation(`m${this.id}: a read is answered once`);
        this.#readsBegun.delete(effect.context);
        checks.readAnswered(this.id, effect.index, floor);
        break;
      }
      case "read-dropped":
        if (!this.#readsBegun.delete(effect.context))
          throw new Violation(`m${this.id}: a read is dropped once`);
        break;
      case "send-snapshot": {
        const announcement = installSnapshot(raft, effect.to, this.applied);
        if (announcement !== null) stream(this, effect.to, announcement, this.state);
        break;
      }
      case "expect-snapshot":
        this.#expected = effect.snapshot;
        break;
      case "wake": {
        this.#wake += 1;
        const wake = this.#wake;
        const { life } = this;
        agenda.at(effect.at, () => {
          if (this.life !== life) return;
          this.#whenAwake(() => {
            if (wake === this.#wake) this.step({ type: "wake" });
          });
        });
        break;
      }
      case "role-changed":
        narrate(() => `m${this.id} is ${effect.role} term=${effect.term}`);
        if (effect.role !== "leader") break;
        checks.elected(raft);
        this.#surroundings.elected(this);
        break;
      case "trace":
        narrate(() => `m${this.id}   ${effect.fact.text}`);
        break;
      case "proposals-dropped":
        break;
    }
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index !== this.applied + 1)
        throw new Violation(`m${this.id}: applies ${entry.index} out of order`);
      this.state = applyTo(this.state, entry);
      this.applied = entry.index;
      this.#surroundings.checks.applied(this.id, entry.index, this.state);
    }
    const index = this.applied;
    const { life } = this;
    this.#surroundings.agenda.after(0, () => {
      if (this.life === life) this.event({ type: "applied", index });
    });
  }

  #write(sequence: number): void {
    const { agenda, diskDelayMs } = this.#surroundings;
    this.#diskFreeAt = Math.max(agenda.now, this.#diskFreeAt) + diskDelayMs();
    const { life } = this;
    agenda.at(this.#diskFreeAt, () => {
      if (this.life !== life) return;
      this.#whenAwake(() => {
        while (this.disk.pending.length > 0 && this.disk.pending[0]!.sequence <= sequence)
          this.#completeWrite();
      });
    });
  }

  #completeWrite(): void {
    const { sequence, entries } = this.disk.completeNext();
    const last = entries.at(-1);
    const ready = this.#held.filter((held) => held.sequence <= sequence);
    this.#held = this.#held.filter((held) => held.sequence > sequence);
    for (const { message } of ready) this.#surroundings.send(message);
    if (this.#surroundings.sabotage === "own-vote-before-persist") return;
    this.step({ type: "persisted", sequence, last: last ? { index: last.index, term: last.term } : null });
  }

  #sabotaged(message: Message): Message {
    const { sabotage } = this.#surroundings;
    const { log, commit } = this.raft!;
    if (sabotage === "skip-log-matching" && message.type === "append-entries") {
      const known = log.termAt(message.previousIndex);
      if (known !== null && message.previousIndex >= commit) return { ...message, previousTerm: known };
    }
    if (
      sabotage === "vote-for-shorter-log" &&
      (message.type === "request-vote" || message.type === "pre-vote")
    ) {
      return { ...message, lastTerm: log.lastTerm, lastIndex: log.lastIndex };
    }
    return message;
  }

  #commitByCounting(raft: Raft): void {
    if (raft.role !== "leader") return;
    const reached = agreed(configurationOf(raft), (member) =>
      member === this.id ? raft.persistence.durable : (raft.progress.get(member)?.match ?? 0),
    );
    if (reached <= raft.commit) return;
    const before = raft.commit;
    raft.commit = Index(reached);
    this.#surroundings.checks.committed(raft, before);
  }
}
