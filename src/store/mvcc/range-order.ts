/**
 * Which key-values a range that is filtered or sorted answers with, and in what order. Only their places are gathered, with what they
 * are sorted by, and the rows are read again for the answer: of a hundred thousand rows in hand, collecting the garbage alone would
 * hold the loop for longer than anything may.
 */
import { toLatin1 } from "../../base/bytes.ts";
import { type Steps, sortSteps } from "../steps.ts";
import type { Position } from "../tables.ts";
import { type RangeRequest, SortOrder, SortTarget } from "../wire/messages.ts";
import type { Facts, Keyspace } from "./keyspace.ts";
import { walkSteps } from "./range-walk.ts";

export interface Selection {
  readonly places: readonly Position[];
  /** Whether the limit cut something off. */
  readonly more: boolean;
  /** Keys of the interval, wanted or not. */
  readonly count: number;
}

interface Candidate extends Position {
  /** What it is sorted by; a value as a latin1 string, which compares bytewise. */
  readonly by: number | string;
}

/** Whether the order of the index is asked for, and all keys: then the limit can be applied at once. */
export function isNatural(request: RangeRequest): boolean {
  return (
    request.sort_target === SortTarget.KEY &&
    request.sort_order !== SortOrder.DESCEND &&
    !hasRevisionFilter(request)
  );
}

export function hasRevisionFilter(request: RangeRequest): boolean {
  return (
    request.min_mod_revision !== 0 ||
    request.max_mod_revision !== 0 ||
    request.min_create_revision !== 0 ||
    request.max_create_revision !== 0
  );
}

/** Whether a key-value of these revisions is wanted; bounds are inclusive, and 0 is none. */
export function isWanted(request: RangeRequest, modified: number, created: number): boolean {
  return (
    isWithin(modified, request.min_mod_revision, request.max_mod_revision) &&
    isWithin(created, request.min_create_revision, request.max_create_revision)
  );
}

function isWithin(value: number, min: number, max: number): boolean {
  return (min === 0 || value >= min) && (max === 0 || value <= max);
}

/** Filters, sorts, then cuts. The caller pins what it will read. */
export function* selectSteps(keyspace: Keyspace, request: RangeRequest, present: number): Steps<Selection> {
  const found: Candidate[] = [];
  const everything = Number.POSITIVE_INFINITY;
  const { count } = yield* walkSteps(keyspace, request, present, everything, ({ main, sub }) => {
    const facts = keyspace.facts(main, sub, needsRow(request));
    if (isWanted(request, main, facts.created)) found.push({ main, sub, by: sortedBy(request, main, facts) });
    return facts.value.length;
  });
  const places = yield* orderSteps(found, request);
  const more = request.limit > 0 && places.length > request.limit;
  return { places: more ? places.slice(0, request.limit) : places, more, count };
}

/** The index knows when a key-value was written, and nothing else that is asked for here. */
function needsRow({ sort_target, min_create_revision, max_create_revision }: RangeRequest): boolean {
  const isKnown = sort_target === SortTarget.KEY || sort_target === SortTarget.MOD;
  return !isKnown || min_create_revision !== 0 || max_create_revision !== 0;
}

function sortedBy({ sort_target }: RangeRequest, main: number, facts: Facts): number | string {
  switch (sort_target) {
    case SortTarget.VERSION:
      return facts.version;
    case SortTarget.CREATE:
      return facts.created;
    case SortTarget.MOD:
      return main;
    case SortTarget.VALUE:
      return toLatin1(facts.value);
    default:
      return 0;
  }
}

/** Order NONE with a target other than KEY ascends, as in etcd. The sort is stable, so ties keep key order. */
function* orderSteps(found: Candidate[], { sort_order, sort_target }: RangeRequest): Steps<Candidate[]> {
  const isDescending = sort_order === SortOrder.DESCEND;
  if (sort_target === SortTarget.KEY) return isDescending ? found.reverse() : found;
  return yield* sortSteps(found, isDescending ? (left, right) => compare(right, left) : compare);
}

function compare(left: Candidate, right: Candidate): number {
  return left.by < right.by ? -1 : left.by > right.by ? 1 : 0;
}
