/**
 * src/ and its dependencies as one CommonJS file for the single executable (Node 24 runs no ES module there), with the
 * loaders of native addons replaced by ours (build/runtime): theirs look for files that do not exist beside an executable.
 */
import { readFileSync } from "node:fs";
import * as esbuild from "esbuild";
import { type Arch, platform, root } from "./platform.ts";
import { sha256 } from "./runtime/content-file.ts";

export interface BundleOptions {
  readonly entry: string;
  readonly outfile: string;
  readonly arch: Arch;
  readonly version: string;
}

/** What went in, for the build's own summary and to know later whether a rebuild is due. */
export interface Bundle {
  readonly bytes: number;
  /** Paths of all source files, relative to the repository. */
  readonly inputs: readonly string[];
}

/** Writes the bundle; throws when a file does not parse or an import is not found. */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [options.entry],
    outfile: options.outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node24",
    // Whitespace and syntax only: names stay, so that a stack trace from the field can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: false,
    legalComments: "none",
    metafile: true,
    logLevel: "error",
    // With the code cache import() does not work in the executable; as require() it does, and stays lazy.
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "__argosyFileUrl", __ARGOSY_VERSION__: JSON.stringify(options.version) },
    banner: { js: 'const __argosyFileUrl=require("node:url").pathToFileURL(process.execPath).href;' },
    // yargs measures each piece of help text with a table of all emoji, at 30 ms of every start.
    alias: { "string-width": "./build/runtime/string-width.ts" },
    plugins: [argosyPlugin(options.arch)],
  });
  const output = Object.values(result.metafile.outputs)[0];
  return { bytes: output?.bytes ?? 0, inputs: Object.keys(result.metafile.inputs) };
}

function argosyPlugin(arch: Arch): esbuild.Plugin {
  return {
    name: "argosy",
    setup(build) {
      // koffi's ES entry asks for import.meta at load; its CommonJS entry asks for nothing that an executable lacks.
      build.onResolve({ filter: /^koffi$/ }, () => ({ path: `${root}node_modules/koffi/index.cjs` }));
      build.onResolve({ filter: /^@koromix\// }, ({ path }) => {
        return path === `@koromix/koffi-linux-${arch}`
          ? { path: "koffi", namespace: "argosy-addon" }
          : { path, namespace: "argosy-absent" };
      });
      // classic-level asks node-gyp-build for its addon; nothing else in the bundle may.
      build.onResolve({ filter: /^node-gyp-build$/ }, ({ importer }) => {
        if (!importer.endsWith("/classic-level/binding.js")) {
          return {
            errors: [{ text: `${importer} brings a native addon that build/platform.ts does not know` }],
          };
        }
        return { path: "classic-level", namespace: "argosy-addon" };
      });
      // A thread's program is a file of its own; the executable has it as a string.
      build.onLoad({ filter: /\/src\/host\/password\/worker-source\.ts$/ }, async () => {
        const text = await threadProgram(`${root}src/host/password/worker.ts`);
        return { contents: `export const workerSource=${JSON.stringify(text)};`, loader: "js" };
      });
      // No route here carries a JSON schema; fastify would load its compilers all the same, at 50 ms and 5 MB of a start.
      build.onResolve({ filter: /^@fastify\/(ajv|fast-json-stringify)-compiler$/ }, ({ path }) => ({
        path,
        namespace: "argosy-no-schemas",
      }));
      build.onLoad({ filter: /.*/, namespace: "argosy-no-schemas" }, ({ path }) => ({
        contents: `module.exports=()=>()=>{throw new Error("${path} is left out of the executable: see build/bundle.ts")}`,
      }));
      build.onLoad({ filter: /.*/, namespace: "argosy-absent" }, () => ({ contents: "" }));
      build.onLoad({ filter: /.*/, namespace: "argosy-addon" }, ({ path }) => ({
        contents: addonModule(path, arch),
        resolveDir: root,
        loader: "js",
      }));
    },
  };
}

/** A thread's program with what it imports, as one CommonJS text. */
async function threadProgram(entry: string): Promise<string> {
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node24",
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "error",
  });
  return result.outputFiles[0]?.text ?? "";
}

function addonModule(name: string, arch: Arch): string {
  const file = platform(arch).addons[name];
  if (file === undefined) throw new Error(`build/platform.ts names no file for the addon ${name}`);
  const load = `require("./build/runtime/native-addon.ts").loadNativeAddon("${name}","${sha256(readFileSync(file))}")`;
  return name === "classic-level" ? `module.exports=()=>${load};` : `module.exports=${load};`;
}
