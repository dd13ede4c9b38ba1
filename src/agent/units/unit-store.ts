/** Reading and changing single units in the store (fleet.md 1.5). Every change is one transaction that states what it saw. */
import { assert } from "../../base/assert.ts";
import { utf8 } from "../../base/bytes.ts";
import { AgentError } from "../../base/errors.ts";
import type { KeyValue, KvClient } from "../../store/kv.ts";
import { readContent, readHash, registryKeys, type UnitContent } from "../../units/registry.ts";
import { removeUnit, type SeenUnit, writeDesired, writeUnit } from "../../units/registry-writes.ts";
import { requirementsProblem } from "../../units/requirements.ts";
import type { UnitChange } from "../../units/service.ts";
import { type DesiredState, desiredStateOf } from "../../units/state.ts";
import { hashOfUnitText, parseUnitFile, serializeUnitFile, type UnitOption } from "../../units/unit-file.ts";
import { isReservedUnitName, isTemplate, unitNameParts, unitNameProblem } from "../../units/unit-name.ts";

/** A unit as the store has it now. */
export interface StoredUnit {
  readonly content: UnitContent;
  readonly desired: DesiredState;
  readonly seen: SeenUnit;
}

/** Lost races before a change gives up; each means that somebody else changed the same unit. */
const attemptsMax = 16;
/** Types that no service manager can start from a file (fleet.md 3.1). */
const neverRunnable = new Set(["busname", "device", "scope", "snapshot"]);

export class UnitStore {
  readonly #kv: KvClient;

  constructor(modules: { readonly kv: KvClient }) {
    this.#kv = modules.kv;
  }

  /** The unit, by linearizable reads; null if there is none. Errors: KvError. */
  async read(unit: string): Promise<StoredUnit | null> {
    const keys = [registryKeys.object(unit), registryKeys.targetState(unit), registryKeys.target(unit)];
    const answer = await this.#kv.txn({
      success: keys.map((key) => ({ request_range: { key: utf8.encode(key) } })),
    });
    const [object, desired, target] = answer.responses.map((response) => response.response_range?.kvs[0]);
    const hash = object ? readHash(utf8.decode(object.value)) : null;
    if (!object || hash === null) return null;
    const content = await this.#readContent(hash);
    if (!content) return null;
    return {
      content,
      desired: desiredStateOf(textOf(desired) ?? "") ?? "inactive",
      seen: {
        objectRevision: object.mod_revision,
        targetRevision: target?.mod_revision ?? 0,
        target: textOf(target) ?? null,
      },
    };
  }

  /** Carries a change out; resolves with the outcome and the revision that shows it. Errors: KvError. */
  async put(
    unit: string,
    options: readonly UnitOption[],
    desired: string | undefined,
  ): Promise<{ change: UnitChange; revision: number }> {
    const nameProblem = unitNameProblem(unit);
    if (nameProblem) return refused(400, nameProblem);
    if (isReservedUnitName(unit)) return refused(400, 'unit names that begin with "argosy-" are reserved');
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const stored = await this.read(unit);
      const plan = planPut(unit, options, desired, stored);
      if ("refused" in plan) return plan.refused;
      const answer = await this.#kv.txn(plan.request);
      if (answer.succeeded) {
        return { change: { type: "stored", created: plan.created }, revision: answer.header!.revision };
      }
    }
    return refused(409, "the unit is being changed by others");
  }

  async delete(unit: string): Promise<{ change: UnitChange; revision: number }> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const stored = await this.read(unit);
      if (!stored) return { change: { type: "missing" }, revision: 0 };
      const answer = await this.#kv.txn(removeUnit(unit, stored.seen));
      if (answer.succeeded)
        return { change: { type: "stored", created: false }, revision: answer.header!.revision };
    }
    return refused(409, "the unit is being changed by others");
  }

  async #readContent(hash: string): Promise<UnitContent | undefined> {
    const answer = await this.#kv.range({ key: utf8.encode(registryKeys.content(hash)) });
    const text = textOf(answer.kvs[0]);
    return text === undefined ? undefined : readContent(hash, text);
  }
}

type Plan =
  | { readonly request: Parameters<KvClient["txn"]>[0]; readonly created: boolean }
  | { readonly refused: { change: UnitChange; revision: number } };

/** Checks 5 to 7 of fleet.md 1.5, in their order. */
function planPut(
  unit: string,
  options: readonly UnitOption[],
  desiredText: string | undefined,
  stored: StoredUnit | null,
): Plan {
  const desired = desiredText ? desiredStateOf(desiredText) : "inactive";
  const text = serializeUnitFile(options);
  const hash = hashOfUnitText(text);
  if (!stored && options.length === 0) return no(409, "unit does not exist and options field empty");
  const replaces = options.length > 0 && hash !== stored?.content.hash;
  if (replaces) {
    const problem = contentProblem(unit, text, options);
    if (problem) return no(400, problem);
  } else if (!desiredText) return no(409, "must provide DesiredState to update existing unit");
  if (!desired) return no(400, `invalid value "${desiredText}" for JobState`);
  if (desired !== "inactive" && isTemplate(unit)) return no(400, `cannot activate template "${unit}"`);
  if (replaces)
    return { request: writeUnit(unit, { hash, text }, desired, stored?.seen ?? null), created: true };
  assert(stored, "only a stored unit is changed without content");
  return { request: writeDesired(unit, desired, stored.seen), created: false };
}

function contentProblem(unit: string, text: string, options: readonly UnitOption[]): string | undefined {
  const { type } = unitNameParts(unit);
  if (neverRunnable.has(type)) return `units of type "${type}" cannot be run`;
  try {
    parseUnitFile(text);
  } catch (error) {
    if (error instanceof AgentError) return error.message;
    throw error;
  }
  return requirementsProblem(options);
}

function no(status: 400 | 409, message: string): Plan {
  return { refused: refused(status, message) };
}

function refused(status: 400 | 409, message: string): { change: UnitChange; revision: number } {
  return { change: { type: "refused", status, message }, revision: 0 };
}

function textOf(pair: KeyValue | undefined): string | undefined {
  return pair && utf8.decode(pair.value);
}
