/** The compatibility suite: all groups of cases, as tap tests against one target. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Test, test } from "tap";
import { authGroups } from "./auth-cases.ts";
import type { Case, CaseGroup } from "./case.ts";
import { concurrencyGroups } from "./concurrency-cases.ts";
import { kvGroups } from "./kv-cases.ts";
import { leaseGroups } from "./lease-cases.ts";
import { maintenanceGroups } from "./maintenance-cases.ts";
import { CaseRun, type StartTarget, type SuiteTarget } from "./run.ts";
import { txnGroups } from "./txn-cases.ts";
import { watchGroups } from "./watch-cases.ts";

export const groups: readonly CaseGroup[] = [
  ...kvGroups,
  ...txnGroups,
  ...watchGroups,
  ...leaseGroups,
  ...authGroups,
  ...maintenanceGroups,
  ...concurrencyGroups,
];

/** The oracle's version; cases of a later one are for us alone. */
const oracleVersion = "3.4";

/** Runs everything. ARGOSY_CASES selects groups or cases by parts of their names, with `|` between. */
export function runSuite(name: string, start: StartTarget, { skip }: { skip: string | false }): void {
  const wanted = (process.env.ARGOSY_CASES ?? "").split("|");
  const differs: string[] = [];
  for (const group of groups) {
    const cases = group.cases.filter((one) =>
      wanted.some((part) => `${group.name}: ${one.name}`.includes(part)),
    );
    if (cases.length === 0) continue;
    test(`${name}: ${group.name}`, { skip, timeout: 170_000 }, async (t) => {
      for (const batch of group.fresh ? cases.map((one) => [one]) : [cases]) {
        await runBatch(t, group, batch, start, differs);
      }
    });
  }
  if (name.startsWith("etcd")) {
    test(`${name}: known differences`, { skip }, async (t) => {
      for (const reason of new Set(differs)) t.comment(reason);
      t.pass(`${differs.length} known differences`);
    });
  }
}

async function runBatch(
  t: Test,
  group: CaseGroup,
  cases: readonly Case[],
  start: StartTarget,
  differs: string[],
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "argosy-suite-"));
  let target: SuiteTarget | null = null;
  try {
    const flags = { ...group.flags, ...group.makeFlags?.(directory) };
    for (const one of cases) {
      const reason = reasonToSkip(one, target);
      if (reason === false)
        target ??= await start({ members: group.members ?? 1, flags, separate: group.separate ?? false });
      const skip = reason || (target ? reasonToSkip(one, target) : false);
      await t.test(one.name, { skip }, async (caseTest) => {
        const result = await new CaseRun(target!).run(one, group.fresh ?? false);
        differs.push(...result.differs);
        for (const wrong of result.wrong) caseTest.fail(wrong);
        if (result.wrong.length === 0) caseTest.pass(`${one.steps.length} steps`);
      });
    }
  } finally {
    await target?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function reasonToSkip({ since, oracleSkips, pending }: Case, target: SuiteTarget | null): string | false {
  if (target?.kind === "etcd34") {
    if (since && since > oracleVersion) return `etcd ${oracleVersion} lacks it: since ${since}`;
    return oracleSkips ?? false;
  }
  return target && pending ? pending : false;
}
