/** `npm run build [-- --arch x64|arm64]`: makes dist/agent, and says what each step gave. */
import process from "node:process";
import { parseArgs } from "node:util";
import { buildExecutable } from "./executable.ts";
import { archOf } from "./platform.ts";

const { values } = parseArgs({
  options: {
    arch: { type: "string", default: process.arch },
    entry: { type: "string", default: "src/main.ts" },
    output: { type: "string" },
  },
});
const arch = archOf(values.arch);
const output = values.output ?? (arch === process.arch ? "dist/agent" : `dist/agent-${arch}`);
const start = performance.now();
try {
  await buildExecutable({ arch, entry: values.entry, output }, (line) => {
    console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
