/**
 * `node build/run.mjs TASK [ARGS]`: what every npm script starts with. Runs on whatever Node the machine has (npm needs
 * one anyway), installs the dependencies if they are missing or older than the lock file, and goes on with build/TASK.ts
 * under the pinned Node 24 from the dependencies. Plain JavaScript without dependencies, for that reason.
 */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const [task, ...args] = process.argv.slice(2);

/** npm writes node_modules/.package-lock.json last, so it is there only after a whole installation. */
function isInstalled() {
  const modified = (path) => statSync(root + path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return modified("node_modules/.package-lock.json") >= modified("package-lock.json");
}

/** Resolves to the exit code; a child that died of a signal counts as 128 + its number, as in a shell. */
function run(command, commandArgs, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArgs, { cwd: root, env, stdio: "inherit" });
    // Passed on, so that a signal for this process alone is enough; we leave after the child.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

async function install() {
  console.log("Installing the dependencies (npm ci), once; this takes up to a minute ...");
  // None of them needs its install script: their native parts come prebuilt.
  const npmArgs = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { npm_execpath: npm, npm_node_execpath: node } = process.env;
  const known = npm !== undefined && node !== undefined && existsSync(npm);
  const code = known ? await run(node, [npm, ...npmArgs]) : await run("npm", npmArgs);
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
}

async function main() {
  if (process.platform !== "linux") throw new Error(`Argosy runs on Linux, this is ${process.platform}`);
  if (task === undefined || !existsSync(`${root}build/${task}.ts`))
    throw new Error(`there is no build/${task}.ts`);
  if (!isInstalled()) await install();
  const node = `${root}node_modules/.bin/node`;
  if (!existsSync(node))
    throw new Error(`no pinned Node for ${process.arch}: package.json names x64 and arm64`);
  const path = `${root}node_modules/.bin:${process.env.PATH ?? ""}`;
  return run(node, [`${root}build/${task}.ts`, ...args], { ...process.env, PATH: path });
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`argosy: ${error.message}`);
    process.exit(1);
  },
);
