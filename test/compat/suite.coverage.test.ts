/** The compatibility suite is whole: every rpc of etcd.md section 2 is called, every text of section 11 provoked or excused. */
import { test } from "tap";
import type { KvErrorCode } from "../../src/store/errors.ts";
import { statusTable } from "../../src/store/wire/status.ts";
import { rpcs } from "./suite/rpcs.ts";
import { rpcsOf, textsOf } from "./suite/run.ts";
import { groups } from "./suite/suite.ts";
import { unprovoked } from "./suite/unprovoked.ts";

test("every error text is provoked by a case, or there is a reason why not", async (t) => {
  const texts = textsOf(groups);
  for (const [code, { text }] of Object.entries(statusTable) as Array<
    [KvErrorCode, { text: string | null }]
  >) {
    if (text === null) continue;
    const provokedBy = texts.get(text);
    const reason = unprovoked[code];
    if (provokedBy && reason === undefined) t.pass(`${text} <- ${provokedBy}`);
    else if (!provokedBy && reason !== undefined) t.pass(`${text}: ${reason}`);
    else t.fail(provokedBy ? `${text} is both provoked and excused` : `${text} is provoked by no case`);
  }
});

test("every rpc is called", async (t) => {
  const called = rpcsOf(groups);
  for (const name of Object.keys(rpcs)) t.ok(called.has(name), name);
});

test("names of cases are unique", async (t) => {
  const names = groups.flatMap(({ name, cases }) => cases.map((one) => `${name}: ${one.name}`));
  t.equal(new Set(names).size, names.length);
});
