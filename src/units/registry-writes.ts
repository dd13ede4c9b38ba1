/**
 * Writes to the registry as transactions of the store (fleet.md 8). Each names what it expects to find; if the compare
 * fails, nothing changed and the caller reads again.
 */
import { utf8 } from "../base/bytes.ts";
import type { Compare, Init, RequestOp, TxnRequest } from "../store/kv.ts";
import { registryKeys } from "./registry.ts";
import type { DesiredState } from "./state.ts";

/** What the writer has seen of a unit: mod revisions of its keys, 0 for absent ones. */
export interface SeenUnit {
  readonly objectRevision: number;
  readonly targetRevision: number;
  readonly target: string | null;
}

/** Creates a unit (`seen` null) or replaces its content. The target stays: the machine reloads the unit in place. */
export function writeUnit(
  unit: string,
  content: { hash: string; text: string },
  desired: DesiredState,
  seen: SeenUnit | null,
): Init<TxnRequest> {
  const object = { Name: unit, UnitHash: [...Buffer.from(content.hash, "hex")] };
  return {
    compare: [unchanged(registryKeys.object(unit), seen?.objectRevision ?? 0)],
    success: [
      put(registryKeys.content(content.hash), JSON.stringify({ Raw: content.text })),
      put(registryKeys.object(unit), JSON.stringify(object)),
      put(registryKeys.targetState(unit), desired),
    ],
  };
}

/** Stores the desired state of a unit that still is the one that was seen. */
export function writeDesired(unit: string, desired: DesiredState, seen: SeenUnit): Init<TxnRequest> {
  return {
    compare: [unchanged(registryKeys.object(unit), seen.objectRevision)],
    success: [put(registryKeys.targetState(unit), desired)],
  };
}

/** Removes a unit. Its machine, if it has one, keeps a release until it has let go of the unit. */
export function removeUnit(unit: string, seen: SeenUnit): Init<TxnRequest> {
  const success = [remove(registryKeys.object(unit)), remove(registryKeys.targetState(unit))];
  if (seen.target !== null) {
    success.push(remove(registryKeys.target(unit)), put(registryKeys.release(unit), seen.target));
  }
  return {
    compare: [
      unchanged(registryKeys.object(unit), seen.objectRevision),
      unchanged(registryKeys.target(unit), seen.targetRevision),
    ],
    success,
  };
}

/** Makes `machine` the engine; the revision of the answer is its claim. With `former`, only if that claim still stands. */
export function claimEngine(machine: string, former?: number): Init<TxnRequest> {
  const compare = former === undefined ? [] : [claimed(former)];
  return {
    compare,
    success: [put(registryKeys.engineLeader(), JSON.stringify({ MachineID: machine, Version: 1 }))],
  };
}

/** Assigns a unit that nobody has and whose content is unchanged. Settles its release, if there is one. */
export function assignUnit(unit: string, machine: string, claim: number): Init<TxnRequest> {
  return {
    compare: [
      claimed(claim),
      unchanged(registryKeys.target(unit), 0),
      { key: utf8.encode(registryKeys.object(unit)), target: 1, result: 1, create_revision: 0 },
    ],
    success: [put(registryKeys.target(unit), machine), remove(registryKeys.release(unit))],
  };
}

/** Takes a unit from the machine that has it. */
export function unassignUnit(unit: string, machine: string, claim: number): Init<TxnRequest> {
  return {
    compare: [claimed(claim), holds(registryKeys.target(unit), machine)],
    success: [remove(registryKeys.target(unit)), put(registryKeys.release(unit), machine)],
  };
}

/** Forgets a release that is settled: the machine let go, or is gone. */
export function settleRelease(unit: string, machine: string, claim: number): Init<TxnRequest> {
  return {
    compare: [claimed(claim), holds(registryKeys.release(unit), machine)],
    success: [remove(registryKeys.release(unit))],
  };
}

const claimed = (claim: number): Init<Compare> => unchanged(registryKeys.engineLeader(), claim);

/** The key's mod revision is as seen; 0 stands for absence. */
function unchanged(key: string, modRevision: number): Init<Compare> {
  return { key: utf8.encode(key), target: 2, result: 0, mod_revision: modRevision };
}

function holds(key: string, value: string): Init<Compare> {
  return { key: utf8.encode(key), target: 3, result: 0, value: utf8.encode(value) };
}

function put(key: string, value: string): Init<RequestOp> {
  return { request_put: { key: utf8.encode(key), value: utf8.encode(value) } };
}

function remove(key: string): Init<RequestOp> {
  return { request_delete_range: { key: utf8.encode(key) } };
}
