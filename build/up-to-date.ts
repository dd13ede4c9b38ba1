/** Builds dist/agent if its sources have changed since it was made; says so, because it takes some seconds. */
import process from "node:process";
import { buildExecutable } from "./executable.ts";
import { archOf } from "./platform.ts";
import { isCurrent } from "./sources.ts";

/** The executable for this machine, relative to the repository. */
export const executablePath = "dist/agent";

export async function bringUpToDate(): Promise<void> {
  if (await isCurrent(executablePath)) return;
  const start = performance.now();
  console.log(`Building ${executablePath} ...`);
  await buildExecutable(
    { arch: archOf(process.arch), entry: "src/main.ts", output: executablePath },
    (line) => {
      console.log(`  ${((performance.now() - start) / 1000).toFixed(1)} s  ${line}`);
    },
  );
}
