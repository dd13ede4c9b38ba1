/** One `tap run` over some files: its TAP read as it comes, a line printed per file, the rest kept for the end. */
import { spawn } from "node:child_process";
import process from "node:process";
import { Parser, type Result } from "tap-parser";
import { root } from "./platform.ts";

/** What came of some test files. Counts are of single assertions, as in tap's own last line. */
export interface Outcome {
  passed: number;
  failed: number;
  /** Where and why, one entry for each assertion or test that was skipped. */
  readonly skipped: Skip[];
  readonly failures: Failure[];
  /** What the tests wrote to standard error, its end if that was much. */
  stderr: string;
}

export interface Skip {
  readonly where: string;
  readonly reason: string;
}

export interface Failure {
  readonly name: string;
  /** tap's diagnostics: diff, source, stack ... */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface TapOptions {
  readonly jobs: number;
  /** For each file. */
  readonly timeoutSeconds: number;
  readonly files: readonly string[];
}

const stderrCharsMax = 20_000;

export function emptyOutcome(): Outcome {
  return { passed: 0, failed: 0, skipped: [], failures: [], stderr: "" };
}

/** Runs the files. tap failing for a reason that no assertion tells (it was killed, say) is one failure of its own. */
export async function tapRun(options: TapOptions): Promise<Outcome> {
  const outcome = emptyOutcome();
  const tap = spawn(
    `${root}node_modules/.bin/tap`,
    [
      "run",
      "--disable-coverage",
      "--reporter=tap",
      `--jobs=${options.jobs}`,
      `--timeout=${options.timeoutSeconds}`,
      ...options.files,
    ],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TAP_RCFILE: `${root}.taprc` } },
  );
  tap.stderr.setEncoding("utf8").on("data", (text: string) => {
    outcome.stderr = (outcome.stderr + text).slice(-stderrCharsMax);
  });
  const parsed = new Promise<void>((resolve) => {
    const parser = new Parser();
    followFiles(parser, outcome);
    parser.on("complete", () => resolve());
    tap.stdout.pipe(parser);
  });
  const code = await new Promise<number>((resolve, reject) => {
    tap.on("error", reject);
    tap.on("close", (exitCode, signal) => resolve(exitCode ?? (signal === null ? 1 : 128)));
  });
  await parsed;
  if (code !== 0 && outcome.failed === 0) {
    outcome.failed = 1;
    outcome.failures.push({ name: `tap ended with exit code ${code}`, details: { stderr: outcome.stderr } });
  }
  return outcome;
}

function followFiles(parser: Parser, outcome: Outcome): void {
  const inFile = { passed: 0, failed: 0, skipped: 0 };
  let closed = "";

  // `result` fires for each innermost test point, `assert` here for each file, when it is done.
  parser.on("result", (result: Result) => {
    if (result.fullname === closed) return;
    if (result.skip || result.todo) {
      const reason = [result.skip, result.todo].find((text) => typeof text === "string");
      outcome.skipped.push({ where: result.fullname, reason: reason ?? result.name });
      inFile.skipped++;
    } else if (result.ok) {
      outcome.passed++;
      inFile.passed++;
    } else {
      fail(result);
    }
  });
  parser.on("assert", (file: Result) => {
    // A file that breaks before its first assertion, or outside of all, fails as a whole.
    if (!file.ok && inFile.failed === 0) fail(file);
    closed = file.name;
    const seconds = ((file.time ?? 0) / 1000).toFixed(1).padStart(6);
    const counts = [`${inFile.passed} passed`];
    if (inFile.failed > 0) counts.push(`${inFile.failed} FAILED`);
    if (inFile.skipped > 0) counts.push(`${inFile.skipped} skipped`);
    console.log(`${seconds} s  ${file.ok ? "ok  " : "FAIL"}  ${file.name}  (${counts.join(", ")})`);
    Object.assign(inFile, { passed: 0, failed: 0, skipped: 0 });
  });

  function fail(result: Result): void {
    outcome.failed++;
    inFile.failed++;
    outcome.failures.push({ name: result.fullname || result.name, details: result.diag ?? {} });
  }
}
