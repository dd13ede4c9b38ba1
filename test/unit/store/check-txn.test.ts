/** The duplicate rule of a txn against its plain definition, and what it may cost. */
import fc from "fast-check";
import { test } from "tap";
import { checkTxn } from "../../../src/store/check.ts";
import { checkTxnKeys } from "../../../src/store/check-txn.ts";
import { contains, type Interval, intervalOf, isEmpty } from "../../../src/store/interval.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import type { Init } from "../../../src/store/wire/protobuf.ts";

type Operation = Init<wire.RequestOp>;
const put = (key: string): Operation => ({ request_put: { key: Buffer.from(key) } });
const del = (key: string, end = ""): Operation => ({
  request_delete_range: { key: Buffer.from(key), range_end: Buffer.from(end) },
});
const either = (success: Operation[], failure: Operation[] = []): Operation => ({
  request_txn: { success, failure },
});
const txnOf = (success: Operation[], failure: Operation[] = []): wire.TxnRequest =>
  wire.TxnRequest.decode(wire.TxnRequest.encode({ success, failure }));

/** The rule with all its pairs, as etcd goes through them: level by level, nested txns in order, then the puts beside them. */
function isRefusedByDefinition(request: wire.TxnRequest): boolean {
  let ok = true;
  const branch = (operations: readonly wire.RequestOp[]): { puts: Set<string>; deletes: Interval[] } => {
    const puts = new Set<string>();
    const deletes: Interval[] = [];
    for (const { request_delete_range: remove } of operations) {
      // etcd does not know "no end" here.
      const interval = remove && intervalOf(remove.key, remove.range_end);
      if (interval && interval.high !== null && !isEmpty(interval)) deletes.push(interval);
    }
    const meets = (key: string): boolean => puts.has(key) || deletes.some((range) => contains(range, key));
    for (const { request_txn: txn } of operations) {
      if (!txn) continue;
      const [then, otherwise] = [branch(txn.success), branch(txn.failure)];
      const inner = new Set([...then.puts, ...otherwise.puts]);
      for (const key of inner) ok &&= !meets(key);
      for (const key of inner) puts.add(key);
      deletes.push(...then.deletes, ...otherwise.deletes);
    }
    for (const { request_put: put } of operations) {
      if (!put) continue;
      const key = Buffer.from(put.key).toString("latin1");
      ok &&= !meets(key);
      puts.add(key);
    }
    return { puts, deletes };
  };
  branch(request.success);
  branch(request.failure);
  return !ok;
}

function isRefused(request: wire.TxnRequest): boolean {
  try {
    checkTxnKeys(request);
    return false;
  } catch {
    return true;
  }
}

test("which keys meet", async (t) => {
  const table: [name: string, operations: Operation[], refused: boolean][] = [
    ["two puts", [put("a"), put("b")], false],
    ["one key twice", [put("a"), put("b"), put("a")], true],
    ["put, then deleted", [put("b"), del("a", "c")], true],
    ["deleted, then put", [del("a", "c"), put("b")], true],
    ["beside the interval", [put("c"), del("a", "c"), put("0")], false],
    ["overlapping deletes", [del("a", "c"), del("b", "d")], false],
    ["an empty interval holds nothing", [put("b"), del("c", "a")], false],
    ["no end is no interval here", [del("a", "\0"), put("zz")], false],
    ["branches of one txn are free of each other", [either([put("a")], [put("a"), del("b", "c")])], false],
    ["a branch against what is beside its txn", [either([], [put("b")]), del("a", "c")], true],
    [
      "own puts under the own delete, another's behind",
      [either([put("b"), put("c")], [del("a", "f")]), put("e")],
      true,
    ],
    ["put in one nested txn, deleted by the next", [either([put("b")]), either([del("a", "c")])], false],
    ["deleted in one, put by the next", [either([del("a", "c")]), either([put("b")])], true],
    ["the same two, out of reach", [either([put("b"), put("c")], [del("a", "e")]), put("e")], false],
    ["deep inside", [either([either([put("a"), either([del("a")])])])], true],
  ];
  for (const [name, operations, refused] of table) {
    t.equal(isRefused(txnOf(operations)), refused, name);
    t.equal(isRefused(txnOf([], operations)), refused, `${name}, in the other branch`);
    t.equal(isRefusedByDefinition(txnOf(operations)), refused, `${name}, by definition`);
  }
});

test("law: the rule says what its definition says", async () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const leaf = fc.oneof(
    key.map(put),
    fc.tuple(key, fc.constantFrom("", "\0", "b", "d", "g")).map(([k, end]) => del(k, end)),
  );
  const { operations } = fc.letrec<{ operation: Operation; operations: Operation[] }>((tie) => ({
    operation: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.tuple(tie("operations"), tie("operations")).map(([success, failure]) => either(success, failure)),
    ),
    operations: fc.array(tie("operation"), { maxLength: 4 }),
  }));
  fc.assert(
    fc.property(operations, operations, (success, failure) => {
      const request = txnOf(success, failure);
      return isRefused(request) === isRefusedByDefinition(request);
    }),
    { numRuns: 2000 },
  );
});

const name = (i: number): string => String(i).padStart(6, "0");

test("the cost is a few looks at each operation, not every put times every delete", async (t) => {
  const puts = Array.from({ length: 20_000 }, (_, i) => put(`p${name(i)}`));
  const deletes = Array.from({ length: 20_000 }, (_, i) => del(`d${name(i)}`, `e${name(i)}`));
  const across = puts.map((_, i) => del(`p${name(i)}\0`, `p${name(i)}\0\0`));
  t.ok(
    checkTxnKeys(txnOf([...puts, ...deletes, ...across])) <= 60_000,
    "each is looked at once on its level",
  );
  let chain: Operation[] = puts;
  for (let depth = 0; depth < 40; depth++) chain = [either(chain)];
  t.ok(checkTxnKeys(txnOf(chain)) <= 20_000, "and once in a chain of nested txns, however long");
});

test("nesting does not multiply what one txn may ask for", async (t) => {
  const options = { txnOperationsMax: 128 };
  const many = (count: number, of: (i: number) => Operation): Operation[] =>
    Array.from({ length: count }, (_, i) => of(i));
  const cubed = txnOf(
    many(42, (i) => either(many(42, (j) => either(many(42, (k) => del(`${i}/${j}/${k}`)))))),
  );
  t.throws(() => checkTxn(cubed, options), { code: "kv.too-many-operations" });
  const most = (extra: number): wire.TxnRequest =>
    txnOf([...many(31, () => either(many(65, (j) => del(String(j))))), ...many(2 + extra, () => del("z"))]);
  t.doesNotThrow(() => checkTxn(most(0), options), "2048: 31 x 65, the 31 themselves, and 2");
  t.throws(() => checkTxn(most(1), options), { code: "kv.too-many-operations" });
  t.doesNotThrow(() =>
    checkTxn(
      txnOf(
        many(128, () => del("a")),
        many(128, () => del("b")),
      ),
      options,
    ),
  );
});
