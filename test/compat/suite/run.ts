/** Runs the suite's cases against a target and tells what came otherwise than expected. */
import {
  type Case,
  type CaseGroup,
  type Differs,
  type Expected,
  type Fields,
  RefusalExpected,
  type Step,
} from "./case.ts";
import { type Metadata, type Outcome, SuiteClient, type SuiteStream } from "./client.ts";
import { rpcs } from "./rpcs.ts";
import type { TargetOptions } from "./target.ts";
import { differences, fromMessage, type Memory, resolve, show, toMessage } from "./values.ts";

/** A running server or cluster, of ours or the oracle's. */
export interface SuiteTarget {
  readonly kind: "etcd34" | "argosy";
  /** host:port of each member's client port. */
  readonly endpoints: readonly string[];
  /** Kills that member: no good-bye. */
  kill(index: number): Promise<void>;
  stop(): Promise<void>;
}
export type StartTarget = (options: TargetOptions) => Promise<SuiteTarget>;

/** What came of a case: what is wrong, and which differences from etcd 3.4 it met. */
export interface CaseResult {
  readonly wrong: readonly string[];
  readonly differs: readonly string[];
}

const stepTimeoutMs = 30_000;

export class CaseRun {
  readonly #target: SuiteTarget;
  readonly #clients: readonly SuiteClient[];
  readonly #memory: Memory = { base: 0, kept: new Map() };
  readonly #streams = new Map<string, SuiteStream>();
  readonly #wrong: string[] = [];
  readonly #differs: string[] = [];
  readonly #dead = new Set<number>();

  constructor(target: SuiteTarget) {
    this.#target = target;
    this.#clients = target.endpoints.map((endpoint) => new SuiteClient(endpoint));
  }

  /** Empties the store unless the case starts on a fresh server, then takes the steps until one goes wrong. */
  async run(testCase: Case, fresh: boolean): Promise<CaseResult> {
    try {
      this.#memory.base = await this.#prepare(fresh);
      for (const [i, step] of testCase.steps.entries()) {
        const before = this.#wrong.length;
        await inTime(this.#step(step), `step ${i + 1} (${step.do})`);
        if (this.#wrong.length > before) {
          this.#wrong[before] = `step ${i + 1}, ${describe(step)}: ${this.#wrong[before]}`;
          break;
        }
      }
    } catch (error) {
      this.#wrong.push(String(error instanceof Error ? error.message : error));
    } finally {
      for (const stream of this.#streams.values()) stream.cancel();
      for (const client of this.#clients) client.close();
    }
    return { wrong: this.#wrong, differs: this.#differs };
  }

  async #prepare(fresh: boolean): Promise<number> {
    const client = this.#clients[0]!;
    if (!fresh) {
      const { messages } = await client.call("LeaseLeases", {});
      const leases = (messages[0] as { leases: Array<{ ID: bigint }> } | undefined)?.leases ?? [];
      for (const { ID } of leases) await client.call("LeaseRevoke", { ID });
      await client.call("DeleteRange", { key: Buffer.from([0]), range_end: Buffer.from([0]) });
    }
    const outcome = await client.call("Range", { key: Buffer.from("x"), count_only: true });
    const message = outcome.messages[0] as { header: { revision: number } } | undefined;
    if (!message) throw new Error(`the server is not ready for the case: ${show(outcome.status)}`);
    return message.header.revision;
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case "call": {
        const stream = await this.#begin(step.rpc, step);
        stream.sendLast(this.#message(step.rpc, step.request));
        return this.#judge(step.rpc, await stream.outcome(), step.expected, step.etcd34);
      }
      case "until":
        for (;;) {
          const stream = await this.#begin(step.rpc, step);
          stream.sendLast(this.#message(step.rpc, step.request));
          if (this.#compare(step.rpc, await stream.outcome(), step.expected).length === 0) return;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      case "start": {
        const stream = await this.#begin(step.rpc, step);
        stream.sendLast(this.#message(step.rpc, step.request));
        this.#streams.set(step.name, stream);
        return;
      }
      case "open":
        this.#streams.set(step.name, await this.#begin(step.rpc, step));
        return;
      case "send": {
        const stream = this.#stream(step.name);
        return stream.send(this.#message(stream.rpc, step.request));
      }
      case "finish":
        return this.#stream(step.name).finish();
      case "abandon":
      case "close":
        return this.#stream(step.name).cancel();
      case "next": {
        const stream = this.#stream(step.name);
        const message = await stream.next();
        const expected = this.#expectedOf(step.expected, step.etcd34) as Fields;
        if (message === null) this.#wrong.push(`the stream ended: ${show((await stream.outcome()).status)}`);
        else
          this.#note(differences(expected, fromMessage(rpcs[stream.rpc]!.response, message), this.#memory));
        return;
      }
      case "join":
      case "ended": {
        const stream = this.#stream(step.name);
        const expected = step.expected === "ok" ? {} : step.expected;
        return this.#judge(stream.rpc, await stream.outcome(), expected, step.etcd34);
      }
      case "member": {
        const index = step.index ?? (await this.#member(step.act === "kill-leader" ? "leader" : "follower"));
        this.#dead.add(index);
        return this.#target.kill(index);
      }
    }
  }

  async #begin(
    rpc: string,
    options: { metadata?: Readonly<Record<string, unknown>>; at?: number | "leader" | "follower" },
  ): Promise<SuiteStream> {
    const metadata: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.metadata ?? {}))
      metadata[name] = String(resolve(value, this.#memory));
    const at =
      typeof options.at === "string" ? await this.#member(options.at) : (options.at ?? this.#firstAlive());
    return this.#clients[at]!.stream(rpc, metadata as Metadata);
  }

  #firstAlive(): number {
    return this.#clients.findIndex((_, i) => !this.#dead.has(i));
  }

  /** The index of the leader, or of a member that is not. Waits for a leader. */
  async #member(which: "leader" | "follower"): Promise<number> {
    for (;;) {
      for (const [i, client] of this.#clients.entries()) {
        if (this.#dead.has(i)) continue;
        const { messages } = await client.call("Status", {});
        const status = messages[0] as { header: { member_id: bigint }; leader: bigint } | undefined;
        if (!status || status.leader === 0n) continue;
        if ((status.leader === status.header.member_id) === (which === "leader")) return i;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #stream(name: string): SuiteStream {
    const stream = this.#streams.get(name);
    if (!stream) throw new Error(`no stream ${name}`);
    return stream;
  }

  #message(rpc: string, request: Fields): object {
    return toMessage(rpcs[rpc]!.request, request, this.#memory);
  }

  #judge(rpc: string, outcome: Outcome, expected: Expected, differs: Differs | undefined): void {
    this.#note(this.#compare(rpc, outcome, this.#expectedOf(expected, differs)));
  }

  #compare(rpc: string, { messages, status }: Outcome, expected: Expected): string[] {
    if (expected instanceof RefusalExpected) {
      if (status.code === 0) return [`expected ${show(expected.text)}, got OK`];
      return differences({ code: expected.code, message: expected.text }, status, this.#memory, "status");
    }
    if (status.code !== 0) return [`refused with ${status.code} "${status.message}"`];
    const { response, kind } = rpcs[rpc]!;
    const answers = messages.map((message) => fromMessage(response, message));
    const actual = kind === "unary" ? (answers[0] ?? {}) : { messages: answers };
    return differences(expected, actual, this.#memory);
  }

  #expectedOf(expected: Expected, differs: Differs | undefined): Expected {
    if (!differs || this.#target.kind !== "etcd34") return expected;
    this.#differs.push(differs.reason);
    return differs.expected;
  }

  #note(wrong: readonly string[]): void {
    if (wrong.length > 0) this.#wrong.push(wrong.join("; "));
  }
}

function describe(step: Step): string {
  if ("rpc" in step) return `${step.do} ${step.rpc} ${"request" in step ? show(step.request) : ""}`;
  return "name" in step ? `${step.do} ${step.name}` : step.do;
}

function inTime<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${stepTimeoutMs} ms`)),
      stepTimeoutMs,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Every text of a refusal that a group's cases expect, with the case that provokes it. */
export function textsOf(groups: readonly CaseGroup[]): Map<string, string> {
  const texts = new Map<string, string>();
  const seen = (expected: unknown, where: string): void => {
    if (!(expected instanceof RefusalExpected) || typeof expected.text !== "string") return;
    if (!texts.has(expected.text)) texts.set(expected.text, where);
  };
  for (const group of groups) {
    for (const { name, steps } of group.cases) {
      for (const step of steps) if ("expected" in step) seen(step.expected, `${group.name}: ${name}`);
    }
  }
  return texts;
}

/** Every rpc that the groups call. */
export function rpcsOf(groups: readonly CaseGroup[]): Set<string> {
  return new Set(
    groups.flatMap(({ cases }) =>
      cases.flatMap(({ steps }) => steps.flatMap((step) => ("rpc" in step ? [step.rpc] : []))),
    ),
  );
}
