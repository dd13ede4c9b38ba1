import fc from "fast-check";
import { test } from "tap";
import { agreed, isAlone, voteResult } from "../../../src/raft/quorum.ts";
import { configuration, m } from "./support.ts";

test("agreed: the largest value a quorum has reached", async (t) => {
  const table: [voters: number[], outgoing: number[], values: number[], expected: number][] = [
    [[1], [], [7], 7],
    [[1, 2], [], [7, 3], 3],
    [[1, 2, 3], [], [9, 7, 4], 7],
    [[1, 2, 3, 4], [], [9, 7, 4, 2], 4],
    [[1, 2, 3, 4, 5], [], [1, 2, 3, 4, 5], 3],
    [[1, 2, 3], [], [0, 0, 100], 0],
    [[1, 2, 3], [3, 4, 5], [9, 8, 7, 1, 1], 1],
    [[1, 2, 3], [1, 2, 4], [9, 8, 0, 0], 8],
    [[4], [1, 2, 3], [9, 8, 7, 2], 2],
    [[], [], [], Number.POSITIVE_INFINITY],
  ];
  for (const [voters, outgoing, values, expected] of table) {
    const value = agreed(configuration(voters, outgoing), (member) => values[Number(member) - 1]!);
    t.equal(value, expected, `${voters} | ${outgoing}: ${values}`);
  }
});

test("votes: won, lost or pending", async (t) => {
  const table: [voters: number[], outgoing: number[], yes: number[], no: number[], expected: string][] = [
    [[1], [], [], [], "pending"],
    [[1], [], [1], [], "won"],
    [[1, 2, 3], [], [1], [], "pending"],
    [[1, 2, 3], [], [1, 3], [], "won"],
    [[1, 2, 3], [], [1], [2], "pending"],
    [[1, 2, 3], [], [1], [2, 3], "lost"],
    [[1, 2, 3, 4], [], [1, 2], [3], "pending"],
    [[1, 2, 3, 4], [], [1, 2], [3, 4], "lost"],
    [[1, 2, 3], [], [1, 8, 9], [], "pending"],
    [[1, 2, 3], [1, 4, 5], [1, 2], [], "pending"],
    [[1, 2, 3], [1, 4, 5], [1, 2, 4], [], "won"],
    [[1, 2, 3], [1, 4, 5], [1, 2], [4, 5], "lost"],
  ];
  for (const [voters, outgoing, yes, no, expected] of table) {
    const votes = new Map([
      ...yes.map((id) => [m(id), true] as const),
      ...no.map((id) => [m(id), false] as const),
    ]);
    t.equal(
      voteResult(configuration(voters, outgoing), votes),
      expected,
      `${voters} | ${outgoing}: +${yes} -${no}`,
    );
  }
});

test("a member is alone when no other voice counts", async (t) => {
  t.ok(isAlone(configuration([1], [], [2, 3]), m(1)));
  t.ok(isAlone(configuration([1], [1]), m(1)));
  t.notOk(isAlone(configuration([1, 2]), m(1)));
  t.notOk(isAlone(configuration([1], [2]), m(1)));
  t.notOk(isAlone(configuration([2]), m(1)));
});

test("law: two quorums that agree on more than the rest share a voter", async () => {
  const values = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(values, (reached) => {
      const voters = reached.map((_, i) => i + 1);
      const value = agreed(configuration(voters), (member) => reached[Number(member) - 1]!);
      const atLeast = reached.filter((each) => each >= value).length;
      const above = reached.filter((each) => each > value).length;
      return atLeast * 2 > voters.length && above * 2 <= voters.length;
    }),
  );
});
