/**
 * A sorted map from latin1 strings: sorted-btree with our comparison. The package is CommonJS with a `default` member, and
 * this is the one place that has to know it.
 */
import sortedBtree from "sorted-btree";

/** Sorted by bytes, since one latin1 character is one byte (base/bytes.ts). */
export type OrderedMap<Value> = InstanceType<typeof sortedBtree.default<string, Value>>;

export function createOrderedMap<Value>(): OrderedMap<Value> {
  return new sortedBtree.default<string, Value>(undefined, (left, right) =>
    left < right ? -1 : left > right ? 1 : 0,
  );
}
