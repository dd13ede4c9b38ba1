import fc from "fast-check";
import { test } from "tap";
import { Index } from "../../../src/base/ids.ts";
import {
  ConfigurationHistory,
  contextOf,
  decodeConfiguration,
  encodeConfiguration,
  isValid,
  mayFollow,
} from "../../../src/raft/configuration.ts";
import { configuration, entry } from "./support.ts";

test("the encoding, byte by byte", async (t) => {
  const bytes = encodeConfiguration(configuration([1], [], [2]));
  t.equal(
    Buffer.from(bytes).toString("hex"),
    "01000100000000000000010000000100000000000000 02".replace(" ", ""),
  );
});

test("law: decode undoes encode, and no cut or odd bytes are taken", async () => {
  const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), { minLength: 3, maxLength: 9 });
  fc.assert(
    fc.property(ids, fc.nat(200), (members, cut) => {
      const sorted = (list: bigint[]): bigint[] => [...list].sort((left, right) => (left < right ? -1 : 1));
      const given = {
        voters: sorted(members.slice(0, 2)),
        votersOutgoing: sorted(members.slice(0, 1)),
        learners: sorted(members.slice(2)),
      };
      const bytes = encodeConfiguration(given as unknown as Parameters<typeof encodeConfiguration>[0]);
      const back = decodeConfiguration(bytes);
      const same =
        [back?.voters, back?.votersOutgoing, back?.learners].join() === Object.values(given).join();
      const cutOff = cut < bytes.length ? decodeConfiguration(bytes.subarray(0, cut)) === null : true;
      return same && cutOff && decodeConfiguration(Buffer.concat([bytes, Buffer.from([0])])) === null;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const decoded = decodeConfiguration(bytes);
      return decoded === null || isValid(decoded);
    }),
  );
});

test("valid: somebody votes, lists are sorted and unique, nobody votes and learns", async (t) => {
  t.ok(isValid(configuration([1, 2], [2, 3], [4])));
  for (const wrong of [
    configuration([]),
    configuration([2, 1]),
    configuration([1, 1]),
    configuration([0, 1]),
    configuration([1], [], [1]),
    configuration([1], [2], [2]),
  ]) {
    t.notOk(isValid(wrong), `${wrong.voters} | ${wrong.votersOutgoing} | ${wrong.learners}`);
  }
});

test("which configuration may follow which: quorums have to overlap (thesis 4.1, 4.3)", async (t) => {
  const of = configuration;
  const table: [from: ReturnType<typeof of>, to: ReturnType<typeof of>, expected: boolean][] = [
    [of([1, 2, 3]), of([1, 2, 3, 4]), true],
    [of([1, 2, 3]), of([1, 2]), true],
    [of([1, 2, 3]), of([1, 2, 4]), false],
    [of([1, 2, 3]), of([1, 2, 3], [], [4, 5]), true],
    [of([1, 2, 3], [], [4]), of([1, 2, 3, 4]), true],
    [of([1, 2, 3]), of([4, 5, 6], [1, 2, 3]), true],
    [of([1, 2, 3]), of([4, 5, 6], [1, 2]), false],
    [of([4, 5, 6], [1, 2, 3]), of([4, 5, 6]), true],
    [of([4, 5, 6], [1, 2, 3]), of([1, 2, 3]), false],
    [of([4, 5, 6], [1, 2, 3]), of([4, 5], [1, 2, 3]), false],
    [of([1, 2, 3]), of([]), false],
  ];
  for (const [from, to, expected] of table) {
    t.equal(
      mayFollow(from, to),
      expected,
      `${from.voters}|${from.votersOutgoing} -> ${to.voters}|${to.votersOutgoing}`,
    );
  }
});

test("the history follows the log: appended is in force, cut is not, compacted is the base", async (t) => {
  const change = (id: string, voters: number[]) =>
    entry(id, "configuration", encodeConfiguration(configuration(voters)));
  const history = new ConfigurationHistory(Index(0), configuration([1]));
  t.notOk(history.append([entry("1@1")]));
  t.ok(history.append([change("2@1", [1, 2]), entry("3@1"), change("4@1", [1, 2, 3])]));
  t.equal(history.inForce.voters.length, 3);
  t.same(
    [1, 2, 3, 4].map((index) => history.at(Index(index)).voters.length),
    [1, 2, 2, 3],
  );
  t.ok(history.truncate(Index(4)));
  t.same([history.inForce.voters.length, history.inForceSince], [2, 2]);
  history.compact(Index(3));
  t.equal(history.at(Index(3)).voters.length, 2);
  t.throws(() => history.at(Index(1)), "older than the log");
  history.reset({ index: Index(9), term: entry("9@1").term }, configuration([7]));
  t.same(history.inForce.voters, [7n]);
});

test("law: a context travels beside the configuration, and changes nothing about it", async () => {
  const context = fc.uint8Array({ maxLength: 50 });
  fc.assert(
    fc.property(context, fc.nat(3), (given, learners) => {
      const bare = configuration([1, 2], [], [7, 8, 9].slice(0, learners));
      const bytes = encodeConfiguration(bare, given);
      const same = JSON.stringify(decodeConfiguration(bytes)?.learners.map(String));
      return (
        same === JSON.stringify(bare.learners.map(String)) &&
        Buffer.compare(contextOf(bytes) ?? Buffer.from("none"), given) === 0 &&
        contextOf(encodeConfiguration(bare)) === null
      );
    }),
  );
});
