/**
 * The keyspace as simply as it can be said: a list of all changes, in order, from which everything is computed anew. Tests
 * compare the store with it. Also the random steps that both are given.
 */
import fc from "fast-check";
import * as wire from "../../src/store/wire/messages.ts";

export interface ModelChange {
  readonly main: number;
  readonly name: string;
  /** Null: deleted. */
  readonly value: string | null;
}

export class StoreModel {
  readonly changes: ModelChange[] = [];
  revision = 1;
  compactRevision = 0;

  put(name: string, value: string): void {
    this.revision += 1;
    this.changes.push({ main: this.revision, name, value });
  }

  /** Deletes all names in [low, high). */
  delete(low: string, high: string): number {
    const names = [...this.at(this.revision).keys()].filter((name) => name >= low && name < high).sort();
    if (names.length > 0) this.revision += 1;
    for (const name of names) this.changes.push({ main: this.revision, name, value: null });
    return names.length;
  }

  /** Puts all, deletes nothing, in one revision. */
  putAll(names: readonly string[], value: string): void {
    if (names.length > 0) this.revision += 1;
    for (const name of names) this.changes.push({ main: this.revision, name, value });
  }

  /** Key-values at a revision, as "value@created.mod.version". */
  at(revision: number): Map<string, string> {
    const state = new Map<string, { value: string; created: number; mod: number; version: number }>();
    for (const { main, name, value } of this.changes) {
      if (main > revision) break;
      if (value === null) state.delete(name);
      else {
        const before = state.get(name);
        state.set(name, {
          value,
          created: before?.created ?? main,
          mod: main,
          version: (before?.version ?? 0) + 1,
        });
      }
    }
    return new Map(
      [...state]
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, { value, created, mod, version }]) => [name, `${value}@${created}.${mod}.${version}`]),
    );
  }
}

/** A step of a history. `at` picks a revision in proportion, so that shrinking keeps it valid. */
export type ModelStep =
  | { readonly type: "put"; readonly name: string; readonly value: string }
  | { readonly type: "delete"; readonly low: string; readonly high: string }
  | { readonly type: "txn"; readonly names: readonly string[]; readonly value: string }
  | { readonly type: "compact"; readonly at: number };

const names = ["a", "b", "c", "d", "e"];
const name = fc.constantFrom(...names);
const value = fc.constantFrom("x", "y", "z");

export const modelStep: fc.Arbitrary<ModelStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("put" as const), name, value }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("delete" as const),
      low: name,
      high: fc.constantFrom("b", "c", "d", "e", "f"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("txn" as const), names: fc.uniqueArray(name), value }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("compact" as const),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
);

/** What the store is asked to do for a step. */
export function requestOf(
  step: ModelStep,
  model: StoreModel,
):
  | { kind: "put"; request: wire.PutRequest }
  | { kind: "delete-range"; request: wire.DeleteRangeRequest }
  | { kind: "txn"; request: wire.TxnRequest }
  | { kind: "compact"; request: wire.CompactionRequest } {
  const bytes = (text: string): Buffer => Buffer.from(text);
  switch (step.type) {
    case "put":
      return {
        kind: "put",
        request: wire.PutRequest.create({ key: bytes(step.name), value: bytes(step.value) }),
      };
    case "delete":
      return {
        kind: "delete-range",
        request: wire.DeleteRangeRequest.create({ key: bytes(step.low), range_end: bytes(step.high) }),
      };
    case "txn":
      return {
        kind: "txn",
        request: wire.TxnRequest.create({
          success: step.names.map((key) =>
            wire.RequestOp.create({
              request_put: wire.PutRequest.create({ key: bytes(key), value: bytes(step.value) }),
            }),
          ),
        }),
      };
    case "compact":
      return {
        kind: "compact",
        request: wire.CompactionRequest.create({ revision: revisionAt(step.at, model) }),
      };
  }
}

/** A revision between the compacted and the present one. */
export function revisionAt(at: number, model: StoreModel): number {
  return model.compactRevision + Math.floor(at * (model.revision - model.compactRevision));
}

export function stepModel(step: ModelStep, model: StoreModel): void {
  if (step.type === "put") model.put(step.name, step.value);
  else if (step.type === "delete") model.delete(step.low, step.high);
  else if (step.type === "txn") model.putAll(step.names, step.value);
  else {
    const revision = revisionAt(step.at, model);
    if (revision > model.compactRevision) model.compactRevision = revision;
  }
}
