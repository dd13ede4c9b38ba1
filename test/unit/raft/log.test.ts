import fc from "fast-check";
import { test } from "tap";
import { Index, Term } from "../../../src/base/ids.ts";
import { entryBytes, RaftLog } from "../../../src/raft/log.ts";
import { entries, entry, entryId } from "./support.ts";

const logOf = (base: string, ids: string): RaftLog => new RaftLog(entryId(base), entries(ids));

test("what a log knows: base, entries, nothing beyond", async (t) => {
  const log = logOf("4@2", "5@2 6@3");
  t.same([log.firstIndex, log.lastIndex, log.lastTerm], [5, 6, 3]);
  t.same(
    [3, 4, 5, 6, 7].map((index) => log.termAt(Index(index))),
    [null, 2, 2, 3, null],
  );
  t.same(logOf("4@2", "").last, { index: 4, term: 2 });
  const matches = ["3@2", "4@2", "5@2", "5@3", "6@3", "7@3"].map((id) => log.matches(entryId(id)));
  t.same(matches, [false, true, true, false, true, false]);
});

test("up to date: the later term, then the longer log (paper 5.4.1)", async (t) => {
  const log = logOf("0@0", "1@1 2@1 3@3");
  const table: [string, boolean][] = [
    ["3@3", true],
    ["4@3", true],
    ["2@3", false],
    ["9@2", false],
    ["1@4", true],
    ["0@0", false],
  ];
  for (const [id, expected] of table) t.equal(log.isUpToDate(entryId(id)), expected, id);
});

test("where two logs agree at best: whole terms are skipped (thesis 5.3)", async (t) => {
  const log = logOf("2@1", "3@1 4@4 5@4 6@5 7@6");
  const table: [index: number, term: number, expected: string][] = [
    [7, 6, "7@6"],
    [9, 9, "7@6"],
    [7, 5, "6@5"],
    [7, 4, "5@4"],
    [7, 3, "3@1"],
    [4, 4, "4@4"],
    [7, 0, "2@1"],
    [1, 4, "2@1"],
  ];
  for (const [index, term, expected] of table) {
    t.same(log.lastNotAbove(Index(index), Term(term)), entryId(expected), `${index}, ${term}`);
  }
});

test("slices end at the byte cap but are never empty", async (t) => {
  const log = new RaftLog(
    entryId("0@0"),
    [1, 2, 3].map((i) => entry(`${i}@1`, "normal", Buffer.alloc(68))),
  );
  const lengths = [1, 100, 199, 200, 250, 1000].map((bytes) => log.slice(Index(1), bytes).length);
  t.same(lengths, [1, 1, 1, 2, 2, 3], "an entry counts for 100 bytes here");
  t.same(log.slice(Index(4), 1000), []);
});

test("cutting the tail, forgetting the head, starting anew", async (t) => {
  const log = logOf("0@0", "1@1 2@1 3@2 4@2");
  log.truncate(Index(4));
  t.equal(log.lastIndex, 3);
  log.compact(Index(3));
  t.same([log.base, log.firstIndex], [{ index: 2, term: 1 }, 3]);
  log.compact(Index(2));
  t.equal(log.firstIndex, 3, "compaction never goes back");
  t.throws(() => log.truncate(Index(2)), "the base is not removed");
  log.reset(entryId("10@5"));
  log.append(entries("11@5"));
  t.same([log.firstIndex, log.lastIndex], [11, 11]);
  t.throws(() => log.append(entries("13@5")), "no gap");
  t.throws(() => log.append(entries("12@4")), "no falling term");
});

test("law: compaction and truncation keep the terms of what stays", async () => {
  const steps = fc.array(fc.nat(2), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(steps, fc.nat(30), fc.nat(30), (increments, head, tail) => {
      let term = 1;
      const all = increments.map((increment, i) => {
        term += increment;
        return entry(`${i + 1}@${term}`);
      });
      const log = new RaftLog(entryId("0@0"), all);
      log.compact(Index(Math.min(head, all.length)));
      if (tail > log.base.index) log.truncate(Index(tail));
      return all.every(({ index, term: expected }) => [null, expected].includes(log.termAt(index)));
    }),
  );
});

test("law: the bytes are those of the entries, and what fits into a cap is the longest tail that does", async () => {
  const act = fc.oneof(
    fc.record({ type: fc.constant("append" as const), sizes: fc.array(fc.nat(200), { maxLength: 8 }) }),
    fc.record({ type: fc.constantFrom("truncate" as const, "compact" as const), at: fc.nat(40) }),
    fc.record({ type: fc.constant("reset" as const), at: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 20 }), fc.nat(2000), (acts, bytesMax) => {
      const log = new RaftLog(entryId("0@0"), []);
      for (const one of acts) {
        if (one.type === "append") {
          for (const size of one.sizes) {
            log.append([entry(`${log.lastIndex + 1}@1`, "normal", Buffer.alloc(size))]);
          }
        } else if (one.type === "reset") log.reset({ index: Index(one.at), term: Term(1) });
        else if (one.type === "compact") log.compact(Index(one.at));
        else if (one.at > log.base.index) log.truncate(Index(one.at));
      }
      const bytesFrom = (from: number): number =>
        log.range(Index(from), log.lastIndex).reduce((sum, one) => sum + entryBytes(one), 0);
      const first = log.firstIndexWithinBytes(bytesMax);
      return (
        log.bytes === bytesFrom(log.firstIndex) &&
        first >= log.firstIndex &&
        first <= log.lastIndex + 1 &&
        bytesFrom(first) <= bytesMax &&
        (first === log.firstIndex || bytesFrom(first - 1) > bytesMax)
      );
    }),
    { numRuns: 1000 },
  );
});
