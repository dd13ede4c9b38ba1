/**
 * Makes dist/agent: src/ as one file -> a blob with V8's code cache and the native addons -> injected into a stripped
 * copy of the pinned Node runtime. `npm run build -- --arch arm64` makes dist/agent-arm64 (without a code cache, which
 * only the target's own V8 can write); see platform.ts for what that needs.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { bundle } from "./bundle.ts";
import { type Arch, platform, root } from "./platform.ts";
import { type Report, sourceDigest, writeStamp } from "./sources.ts";

const run = promisify(execFile);

/** The mark in Node's binary that postject flips; fixed by Node's documentation. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

export interface ExecutableOptions {
  readonly arch: Arch;
  readonly entry: string;
  /** Path of the result, relative to the repository. */
  readonly output: string;
}

/** Builds and puts the result in place with a rename, so that a running agent keeps its own file. Returns its size. */
export async function buildExecutable(options: ExecutableOptions, report: Report): Promise<number> {
  const parts = platform(options.arch);
  const work = `${root}dist/build`;
  const name = options.output.split("/").at(-1);
  await mkdir(work, { recursive: true });
  const digest = await sourceDigest();

  const config = JSON.parse(await readFile(`${root}sea-config.json`, "utf8"));
  // Relative paths, since they end up in the blob: the same input gives the same output in any directory.
  config.main = `dist/build/${name}.cjs`;
  config.output = `dist/build/${name}.blob`;
  const asset = ([addon, path]: [string, string]) => [`${addon}.node`, relative(root, path)];
  config.assets = Object.fromEntries(Object.entries(parts.addons).map(asset));
  if (options.arch !== process.arch) config.useCodeCache = false;

  const { version } = JSON.parse(await readFile(`${root}package.json`, "utf8"));
  const source = await bundle({
    entry: options.entry,
    outfile: `${root}${config.main}`,
    arch: options.arch,
    version,
  });
  report(`bundled ${source.inputs.length} files, ${kilobytes(source.bytes)}`);

  await writeFile(`${work}/${name}.sea.json`, JSON.stringify(config, null, 2));
  // The seed makes the code cache reproducible; the cache does not depend on it otherwise (V8 accepts it under any).
  const flags = ["--random-seed=1", "--experimental-sea-config"];
  await run(process.execPath, [...flags, `${work}/${name}.sea.json`], { cwd: root });
  const blob = `${root}${config.output}`;
  report(`prepared the blob, ${kilobytes((await stat(blob)).size)}`);

  const next = `${work}/${name}.next`;
  await copyStripped(parts.runtime, next, report);
  // As a program of its own: the library writes LIEF's harmless warnings straight to our standard error.
  await run(`${root}node_modules/.bin/postject`, [next, "NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse]);
  const { size } = await stat(next);
  await rename(next, `${root}${options.output}`);
  await writeStamp(options.output, digest);
  report(`wrote ${options.output}, ${Math.round(size / 1e6)} MB`);
  return size;
}

/** A copy of the runtime without symbols (127 -> about 100 MB). The copy is kept, since the runtime rarely changes. */
async function copyStripped(runtime: string, target: string, report: Report): Promise<void> {
  const { size, mtimeMs } = await stat(runtime);
  const kept = `${root}dist/build/runtime-${size}-${Math.trunc(mtimeMs)}`;
  await rm(target, { force: true });
  try {
    await copyFile(kept, target);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await copyFile(runtime, target);
  try {
    await run("strip", ["--strip-all", target]);
    report("stripped the symbols from the runtime");
  } catch {
    report(
      "symbols stay in: no `strip` for this format here (Debian: binutils), the executable is 27 MB larger",
    );
    await rm(target);
    await copyFile(runtime, target);
    return;
  }
  await copyFile(target, `${kept}.next`);
  await rename(`${kept}.next`, kept);
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000)} kB`;
}
