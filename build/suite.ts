/** Runs groups of tests one after the other and prints what came of them. Shared by `npm test` and `npm run check`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import type { Group } from "./groups.ts";
import { root } from "./platform.ts";
import { emptyOutcome, type Failure, type Outcome, type Skip, tapRun } from "./tap-run.ts";

/** Runs each group; returns the sum. */
export async function runGroups(
  selection: ReadonlyArray<{ group: Group; files: string[] }>,
): Promise<Outcome> {
  await prepareTap();
  const total = emptyOutcome();
  for (const { group, files } of selection) {
    if (files.length === 0) continue;
    console.log(`\n${group.name}: ${group.about}`);
    const outcome = await tapRun({ jobs: group.jobs, timeoutSeconds: group.timeoutSeconds, files });
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped.push(...outcome.skipped);
    total.failures.push(...outcome.failures);
    if (outcome.failed > 0) total.stderr += outcome.stderr;
  }
  return total;
}

/** Prints skips with their reasons, failures in full, and as the last line `N passed, N failed`. Returns the exit code. */
export function printOutcome(outcome: Outcome): number {
  if (outcome.skipped.length > 0)
    console.log(`\nSkipped ${outcome.skipped.length}:\n${skips(outcome.skipped)}`);
  if (outcome.failures.length > 0) {
    if (outcome.stderr.trim() !== "")
      console.log(`\nWritten to standard error:\n${indent(outcome.stderr.trimEnd())}`);
    console.log(`\nFailures:\n${outcome.failures.map(failure).join("\n")}`);
  }
  const none = outcome.passed + outcome.failed === 0;
  console.log(none ? "\nNo test ran; that counts as a failure." : "");
  console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
  return outcome.failed > 0 || none ? 1 : 0;
}

/** tap wants the choice of plugins in .taprc compiled once. */
async function prepareTap(): Promise<void> {
  try {
    await access(`${root}.tap/plugins/node_modules`);
  } catch {
    const build = spawn(`${root}node_modules/.bin/tap`, ["build"], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    await once(build, "close");
  }
}

function skips(list: readonly Skip[]): string {
  const byReason = Map.groupBy(list, ({ reason }) => reason);
  return [...byReason]
    .map(([reason, group]) => {
      const files = new Set(group.map(({ where }) => where.split(" > ")[0]));
      return `  ${reason} (${group.length} in ${[...files].join(", ")})`;
    })
    .join("\n");
}

function failure({ name, details }: Failure): string {
  const lines = Object.entries(details).map(([key, value]) => {
    const text = typeof value === "string" ? value.trimEnd() : JSON.stringify(value);
    return text.includes("\n") ? `  ${key}:\n${indent(text, 4)}` : `  ${key}: ${text}`;
  });
  return [`\n${name}`, ...lines].join("\n");
}

function indent(text: string, spaces = 2): string {
  return text.replaceAll(/^/gm, " ".repeat(spaces));
}
