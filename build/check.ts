/** `npm run check`, for before a commit: types and lint beside the quick tests. Under a minute, or nobody runs it. */
import { spawn } from "node:child_process";
import process from "node:process";
import { select } from "./groups.ts";
import { root } from "./platform.ts";
import { printOutcome, runGroups } from "./suite.ts";

/** Runs a tool quietly; resolves to its output if it found something wrong. */
function findings(name: string, command: string, args: readonly string[]): Promise<string | undefined> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(`${root}node_modules/.bin/${command}`, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
      console.log(`${seconds} s  ${code === 0 ? "ok  " : "FAIL"}  ${name}`);
      resolve(code === 0 ? undefined : `\n${name}\n${output.trimEnd()}`);
    });
  });
}

const found = await Promise.all([
  findings("types", "tsc", ["--noEmit"]),
  findings("lint and layout", "biome", ["check", "--max-diagnostics=50", "src", "test", "build"]),
]);
const outcome = await runGroups(await select(["unit", "scenario"]));
for (const output of found) {
  if (output === undefined) continue;
  outcome.failed++;
  console.log(output);
}
process.exitCode = printOutcome(outcome);
