/**
 * Stories: small clusters driven by a text script, whose every message and decision is printed and compared with what the
 * file expects. A story file has blocks:
 *
 *     # words for the reader
 *     > command
 *     > command
 *     expected output
 *
 * separated by empty lines. Rewrite the output with `node test/scenario/run.ts --rewrite`; commit it only if understood.
 *
 * Commands: `cluster 3 [learners 1]`, `boot m1`, `log m1 1@1 2@1 ...` (before boot: what its disk holds), `term m1 5`,
 * `run 100` (ms; messages take 1 ms, disks 1 ms), `elect m1`, `timeout m1`, `propose m1 a b`, `read m1`, `window 1` (bytes per append), `cut m1`, `cut m1>m2`, `heal`,
 * `crash m1`, `compact m1 keep 2`, `transfer m1 m2`, `stall m1 500`, `late m1 300` (disk), `quiet`, `loud`, `show`.
 */
import { Index, Instant, MemberId, Term } from "../../src/base/ids.ts";
import { votersOnly } from "../../src/raft/configuration.ts";
import { nameOf } from "../../src/raft/effects.ts";
import type { Configuration, Entry, SnapshotMeta } from "../../src/raft/entry.ts";
import type { RaftEffect, RaftEvent } from "../../src/raft/event.ts";
import { violations } from "../../src/raft/invariants.ts";
import type { Message } from "../../src/raft/message.ts";
import { createRaft, type Raft } from "../../src/raft/raft.ts";
import { installSnapshot, isSnapshotNeeded } from "../../src/raft/snapshot.ts";
import { step } from "../../src/raft/step.ts";
import { SimulatedDisk } from "../simulation/disk.ts";
import { Agenda } from "./agenda.ts";
import { describeEntry, describeMessage } from "./describe.ts";
import type { UnstampedEvent } from "./raft-event.ts";

/** The same file with the output that the commands give now. */
export function retell(file: string): string {
  const cluster = new StoryCluster();
  return file
    .split("\n\n")
    .map((block) => {
      const lines = block.trimEnd().split("\n");
      const kept = lines.filter((line) => line.startsWith("#") || line.startsWith("> "));
      const commands = kept.filter((line) => line.startsWith("> "));
      if (commands.length === 0) return block.trimEnd();
      return [...kept, ...commands.flatMap((line) => cluster.command(line.slice(2)))].join("\n");
    })
    .join("\n\n")
    .concat("\n");
}

interface Server {
  readonly id: MemberId;
  readonly disk: SimulatedDisk;
  raft: Raft | null;
  applied: Entry[];
  held: { sequence: number; message: Message }[];
  wake: number;
  diskMs: number;
  stalledUntil: number;
  life: number;
}

type Command = (words: string[]) => void;

/** A cluster without chance: fixed delays, and election timeouts far apart unless `elect` asks for one. */
class StoryCluster {
  readonly #agenda = new Agenda();
  #servers: Server[] = [];
  readonly #cut = new Set<string>();
  #lines: string[] = [];
  #isLoud = true;
  #context = 0n;
  #appendBytes = 1024;
  readonly #commands: Record<string, Command> = {
    cluster: (words) => this.#cluster(words),
    log: ([name, ...ids]) => this.#log(this.#server(name), ids),
    term: ([name, term]) => this.#setTerm(this.#server(name), Number(term)),
    boot: (names) => this.#each(names, (server) => this.#boot(server)),
    window: ([bytes]) => {
      this.#appendBytes = Number(bytes);
    },
    crash: (names) => this.#each(names, (server) => this.#crash(server)),
    run: ([ms]) => this.#agenda.runUntil(this.#agenda.now + Number(ms)),
    elect: ([name]) => this.#elect(this.#server(name)),
    timeout: ([name]) => this.#timeout(this.#server(name)),
    propose: ([name, ...texts]) => this.#propose(this.#server(name), texts),
    read: ([name]) => this.#step(this.#server(name), { type: "read", context: ++this.#context }),
    transfer: ([name, to]) =>
      this.#step(this.#server(name), { type: "transfer-leadership", to: this.#server(to).id }),
    compact: ([name, , keep]) => this.#compact(this.#server(name), Number(keep)),
    cut: (pairs) => this.#cutOff(pairs),
    heal: () => this.#cut.clear(),
    late: ([name, ms]) => {
      this.#server(name).diskMs = Number(ms);
    },
    stall: ([name, ms]) => {
      this.#server(name).stalledUntil = this.#agenda.now + Number(ms);
    },
    quiet: () => {
      this.#isLoud = false;
    },
    loud: () => {
      this.#isLoud = true;
    },
    show: () => {
      for (const server of this.#servers) this.#show(server);
    },
  };

  /** Runs one command and returns what happened. */
  command(line: string): string[] {
    const [name = "", ...words] = line.split(" ");
    const command = this.#commands[name];
    if (!command) throw new Error(`no such command in a story: ${line}`);
    command(words);
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  #cluster([voters, , learners]: string[]): void {
    const ids = Array.from({ length: Number(voters) + Number(learners ?? 0) }, (_, i) =>
      MemberId(BigInt(i + 1)),
    );
    const configuration: Configuration = {
      ...votersOnly(ids.slice(0, Number(voters))),
      learners: ids.slice(Number(voters)),
    };
    this.#servers = ids.map((id) => ({
      id,
      disk: new SimulatedDisk(configuration),
      raft: null,
      applied: [],
      held: [],
      wake: 0,
      diskMs: 1,
      stalledUntil: 0,
      life: 0,
    }));
  }

  #server(name = ""): Server {
    const server = this.#servers.find(({ id }) => nameOf(id) === name);
    if (!server) throw new Error(`no such member in a story: ${name}`);
    return server;
  }

  #each(names: string[], act: (server: Server) => void): void {
    for (const server of names[0] === "all" ? this.#servers : names.map((name) => this.#server(name)))
      act(server);
  }

  #log(server: Server, ids: string[]): void {
    server.disk.entries = ids.map((id): Entry => {
      const [index, term] = id.split("@").map(Number);
      return { index: Index(index!), term: Term(term!), type: "normal", data: Buffer.from(`e${id}`) };
    });
    this.#setTerm(server, server.disk.entries.at(-1)?.term ?? 0);
  }

  #setTerm(server: Server, term: number): void {
    server.disk.hardState = { term: Term(term), vote: null, commit: Index(0) };
  }

  #boot(server: Server): void {
    const { id, disk } = server;
    server.applied = server.applied.filter(({ index }) => index <= disk.base.index);
    server.raft = createRaft({
      id,
      configuration: disk.baseConfiguration,
      hardState: disk.hardState,
      snapshot: disk.base,
      entries: disk.entries,
      applied: disk.base.index,
      seed: Number(id),
      maxAppendBytes: this.#appendBytes,
      trace: true,
    });
    this.#step(server, { type: "start" });
  }

  #crash(server: Server): void {
    server.life += 1;
    server.raft = null;
    server.held = [];
    server.disk.crash(0);
  }

  /** As `timeout`, and nobody else has heard a leader for one either. */
  #elect(server: Server): void {
    for (const { raft } of this.#servers) if (raft) raft.leaderHeardAt = Instant(Number.NEGATIVE_INFINITY);
    this.#timeout(server);
  }

  /** The election timeout of this member comes now. */
  #timeout(server: Server): void {
    server.raft!.electionDeadline = server.raft!.now;
    server.wake += 1;
    this.#step(server, { type: "wake" });
  }

  #propose(server: Server, texts: string[]): void {
    const proposals = texts.map((text) => ({ type: "normal" as const, data: Buffer.from(text) }));
    this.#step(server, { type: "propose", proposals });
  }

  #compact(server: Server, keep: number): void {
    const keepFrom = Index(server.raft!.applied + 1 - keep);
    server.disk.compact(keepFrom);
    this.#step(server, { type: "compact", keepFrom });
  }

  #cutOff(pairs: string[]): void {
    for (const pair of pairs) {
      const [from, to] = pair.split(">");
      if (to !== undefined) this.#cut.add(pair);
      else {
        for (const { id } of this.#servers) {
          this.#cut.add(`${from}>${nameOf(id)}`);
          this.#cut.add(`${nameOf(id)}>${from}`);
        }
      }
    }
  }

  #say(line: string): void {
    if (this.#isLoud) this.#lines.push(`[${this.#agenda.now}] ${line}`);
  }

  #step(server: Server, body: UnstampedEvent): void {
    const { raft } = server;
    if (!raft) return;
    const effects = step(raft, { ...body, now: Instant(this.#agenda.now) } as RaftEvent);
    for (const effect of effects) this.#perform(server, raft, effect);
    const wrong = violations(raft);
    if (wrong.length > 0) this.#lines.push(`${nameOf(server.id)} BROKEN: ${wrong.join("; ")}`);
  }

  #later(server: Server, ms: number, act: () => void): void {
    const { life } = server;
    const attempt = (): void => {
      if (server.life !== life) return;
      if (server.stalledUntil > this.#agenda.now) this.#agenda.at(server.stalledUntil, attempt);
      else act();
    };
    this.#agenda.after(ms, attempt);
  }

  #perform(server: Server, raft: Raft, effect: RaftEffect): void {
    const name = nameOf(server.id);
    switch (effect.type) {
      case "persist":
        server.disk.pending.push(effect);
        this.#later(server, server.diskMs, () => this.#written(server, effect.sequence));
        break;
      case "send":
        this.#send(effect.message);
        break;
      case "send-after-persist": {
        const sequence = server.disk.pending.at(-1)?.sequence;
        if (sequence === undefined) this.#send(effect.message);
        else server.held.push({ sequence, message: effect.message });
        break;
      }
      case "apply": {
        server.applied.push(...effect.entries);
        const index = effect.entries.at(-1)!.index;
        this.#say(`${name} applies ${effect.entries.map(describeEntry).join(", ")}`);
        this.#later(server, 0, () => this.#step(server, { type: "applied", index }));
        break;
      }
      case "read-ready":
        this.#say(`${name} read ${effect.context} ready at ${effect.index}`);
        break;
      case "read-dropped":
        this.#say(`${name} read ${effect.context} dropped`);
        break;
      case "proposals-dropped":
        this.#say(`${name} drops ${effect.proposals.length} proposals: ${effect.reason}`);
        break;
      case "send-snapshot":
        this.#stream(server, raft, effect.to);
        break;
      case "expect-snapshot":
        this.#say(
          `${name} waits for the data of snapshot ${effect.snapshot.index} from ${nameOf(effect.from)}`,
        );
        break;
      case "wake": {
        const wake = ++server.wake;
        this.#later(server, effect.at - this.#agenda.now, () => {
          if (server.wake === wake) this.#step(server, { type: "wake" });
        });
        break;
      }
      case "role-changed":
        this.#say(`${name} is ${effect.role}, term=${effect.term}, leader=${nameOf(effect.leader)}`);
        break;
      case "trace":
        this.#say(`${name}     ${effect.fact.text}`);
        break;
    }
  }

  #send(message: Message): void {
    const isCut = this.#cut.has(`${nameOf(message.from)}>${nameOf(message.to)}`);
    const receiver = this.#server(nameOf(message.to));
    if (isCut || !receiver.raft) return;
    this.#later(receiver, 1, () => {
      this.#say(`${nameOf(message.to)} < ${describeMessage(message)}`);
      this.#step(receiver, { type: "receive", message });
    });
  }

  #written(server: Server, sequence: number): void {
    const { disk } = server;
    while (disk.pending.length > 0 && disk.pending[0]!.sequence <= sequence) {
      const persist = disk.completeNext();
      const last = persist.entries.at(-1) ?? null;
      for (const held of server.held) if (held.sequence === persist.sequence) this.#send(held.message);
      server.held = server.held.filter((held) => held.sequence !== persist.sequence);
      this.#step(server, { type: "persisted", sequence: persist.sequence, last });
    }
  }

  /** The data takes 20 ms; it arrives unless the way is cut. */
  #stream(sender: Server, raft: Raft, to: MemberId): void {
    const receiver = this.#server(nameOf(to));
    const applied = [...sender.applied];
    const announcement = installSnapshot(raft, to, raft.applied);
    if (announcement === null) return;
    this.#send(announcement);
    this.#later(sender, 20, () => {
      const { snapshot } = announcement;
      const ok =
        !this.#cut.has(`${nameOf(sender.id)}>${nameOf(to)}`) && this.#install(receiver, snapshot, applied);
      this.#step(sender, { type: "snapshot-sent", to, index: snapshot.index, ok });
    });
  }

  #install(server: Server, snapshot: SnapshotMeta, applied: Entry[]): boolean {
    if (!server.raft) return false;
    this.#written(server, Number.POSITIVE_INFINITY);
    if (!isSnapshotNeeded(server.raft, snapshot)) return false;
    server.disk.install(snapshot);
    server.applied = applied;
    this.#step(server, { type: "snapshot-installed", snapshot });
    return true;
  }

  #show(server: Server): void {
    const { raft } = server;
    if (!raft) {
      this.#lines.push(`${nameOf(server.id)} down`);
      return;
    }
    const { log, role, term, commit } = raft;
    const ids = log
      .slice(log.firstIndex, Number.POSITIVE_INFINITY)
      .map(({ index, term: of }) => `${index}@${of}`);
    const held = `${log.base.index}@${log.base.term} | ${ids.join(" ")}`;
    this.#lines.push(`${nameOf(server.id)} ${role} term=${term} commit=${commit} log ${held}`);
  }
}
