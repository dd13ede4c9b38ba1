/** The quota of a member: when it refuses, and that it raises one alarm for many refusals. */
import { test } from "tap";
import { parseLimits } from "../../../src/agent/limits.ts";
import { Quota } from "../../../src/agent/quota.ts";
import { MemberId } from "../../../src/base/ids.ts";
import { silent } from "../../../src/base/ports.ts";
import type { AlarmRequest } from "../../../src/store/wire/admin-messages.ts";

test("refuses at the quota and raises the alarm once", async (t) => {
  let bytes = 1000;
  let isRaised = false;
  const proposed: AlarmRequest[] = [];
  let fail = true;
  const quota = new Quota(
    { bytesMax: 2000, memberId: MemberId(7n) },
    {
      databaseBytes: () => bytes,
      isRaised: () => isRaised,
      propose: async (request) => {
        proposed.push(request);
        if (fail) throw new Error("no leader");
        isRaised = true;
      },
      logger: silent,
    },
  );
  t.equal(quota.check(999), undefined, "there is room");
  bytes = 1_000_000;
  t.equal(quota.check(0), undefined, "what adds nothing always has room");
  bytes = 1000;
  await t.rejects(quota.check(1000)!, { message: "kv.no-space" }, "reaching it is too much");
  t.same(proposed, [{ action: 1, memberID: 7n, alarm: 1 }]);
  fail = false;
  await Promise.allSettled([quota.check(1000), quota.check(1000), quota.check(5000)]);
  t.equal(proposed.length, 2, "once more, since the first was lost; and once for all who ask");
  await t.rejects(quota.check(1000)!, { message: "kv.no-space" });
  t.equal(proposed.length, 2);
  t.equal(quota.check(10), undefined, "a smaller write still fits; the alarm refuses it when it is applied");
});

test("the flags", async (t) => {
  const quotaOf = (text?: string) =>
    parseLimits(text === undefined ? {} : { "quota-backend-bytes": text }).quotaBytes;
  t.same([quotaOf(), quotaOf("0"), quotaOf("-1"), quotaOf("12345")], [2 ** 31, 2 ** 31, Infinity, 12345]);
  t.throws(() => quotaOf("2GB"), { message: /quota-backend-bytes/ });
  const { requestBytesMax, txnOperationsMax } = parseLimits({});
  t.same([requestBytesMax, txnOperationsMax], [1_572_864, 128]);
  t.throws(() => parseLimits({ "max-txn-ops": "0" }), { message: /max-txn-ops/ });
});
