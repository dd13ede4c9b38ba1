/**
 * The map of src/ holds: imports point down only, and a core asks nothing of the world. Every rule is also shown a
 * made-up violation, so that a rule which sees nothing would fail here.
 */
import { glob, readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { test } from "tap";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Folder -> the folders that it may import, besides itself. `main` is src/main.ts. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "base"],
  cli: ["agent", "api", "host", "http2", "raft", "store", "units", "network", "base"],
  agent: ["api", "host", "http2", "raft", "store", "units", "network", "base"],
  api: ["http2", "raft", "store", "units", "network", "base"],
  host: ["http2", "raft", "store", "units", "network", "base"],
  http2: ["base"],
  raft: ["base"],
  store: ["base"],
  units: ["base"],
  network: ["base"],
  base: [],
};

/** The one door between cores: types and the KvClient interface. */
const door = { from: ["units", "network"], to: "src/store/kv.ts" };

const cores = ["raft", "store", "units", "network", "http2"];

/** Packages that a core may use: data structures, nothing that touches the world. None at present. */
const corePackages: readonly string[] = [];

/** What a core must get from its events or its ports instead. */
const worldly = [
  "Date.now",
  "Math.random",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "process",
  "performance",
  "fetch",
  "crypto",
  "globalThis",
];

/** The folder of src/ that a file belongs to. */
function folderOf(file: string): string {
  return file.split("/").length === 2 ? posix.basename(file, ".ts") : (file.split("/")[1] ?? "");
}

/** Every specifier that the text imports, re-exports or names in a type. */
function importsOf(text: string): string[] {
  const forms = [
    /^\s*(?:import|export)\s[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\b(?:import|require)\(\s*["']([^"']+)["']/g,
  ];
  return forms.flatMap((form) => [...text.matchAll(form)].map((match) => match[1] ?? ""));
}

/** What is wrong with the imports of `file`, one line each. */
function wrongImports(file: string, text: string, dependencies: readonly string[]): string[] {
  const from = folderOf(file);
  return importsOf(text).flatMap((specifier) => {
    if (!specifier.startsWith(".")) return wrongPackage(file, specifier, dependencies);
    const target = posix.join(posix.dirname(file), specifier);
    if (!target.startsWith("src/")) return [`${file} leaves src/ for ${specifier}`];
    const to = folderOf(target);
    const allowed =
      from === to || arrows[from]?.includes(to) || (door.from.includes(from) && target === door.to);
    return allowed ? [] : [`${file} imports ${target}: no arrow leads from ${from} to ${to}`];
  });
}

function wrongPackage(file: string, specifier: string, dependencies: readonly string[]): string[] {
  const core = cores.includes(folderOf(file));
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith("node:")) return [`${file} imports ${specifier} without node:`];
    return core ? [`${file} is in a core and imports ${specifier}`] : [];
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  if (!dependencies.includes(name))
    return [`${file} imports ${name}, which is not in package.json's dependencies`];
  return core && !corePackages.includes(name) ? [`${file} is in a core and imports ${name}`] : [];
}

/**
 * The worldly names that the code really refers to. esbuild replaces free names by marks, which respects scopes: a
 * method or a local called `process` is no hit, nor is one in a comment or a string.
 */
async function worldlyNames(text: string): Promise<string[]> {
  const mark = (name: string) => `worldly_${name.replace(".", "_")}`;
  const define = Object.fromEntries(worldly.map((name) => [name, mark(name)]));
  const { code } = await transform(text, { loader: "ts", define, minifyWhitespace: true });
  const used = worldly.filter((name) => new RegExp(`\\b${mark(name)}\\b`).test(code));
  return /\bnew Date(\(\)|[;,)\]}])/.test(code) ? [...used, "new Date()"] : used;
}

/** Top-level variables that can change: they would be shared by all agents of a process. */
function mutableState(text: string): string[] {
  return [...text.matchAll(/^(?:export )?(?:let|var) (\w+)/gm)].map((match) => match[1] ?? "");
}

const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const dependencies = Object.keys(manifest.dependencies);
const sources = new Map<string, string>();
for await (const path of glob("src/**/*.ts", { cwd: root })) {
  sources.set(path.replaceAll(sep, "/"), await readFile(join(root, path), "utf8"));
}

test("every import follows an arrow of the map", async (t) => {
  t.ok(sources.size > 10, "the sources were found");
  const unknown = [...sources.keys()].filter((file) => arrows[folderOf(file)] === undefined);
  t.same(unknown, [], "each file belongs to a folder of the map");
  t.same(
    [...sources].flatMap(([file, text]) => wrongImports(file, text, dependencies)),
    [],
  );
});

test("a wrong arrow is seen, whatever its form", async (t) => {
  const violations: Array<[file: string, text: string, found: RegExp]> = [
    ["src/raft/log.ts", 'import { Store } from "../store/store.ts";', /from raft to store/],
    ["src/raft/log.ts", 'import type { Store } from "../store/kv.ts";', /from raft to store/],
    ["src/units/engine.ts", 'import {\n  a,\n  b,\n} from "../store/mvcc.ts";', /from units to store/],
    ["src/store/apply.ts", 'export * from "../host/level/level.ts";', /from store to host/],
    ["src/host/clock.ts", 'import "../api/listener.ts";', /from host to api/],
    ["src/base/ids.ts", 'type T = import("../raft/entry.ts").Entry;', /from base to raft/],
    ["src/agent/agent.ts", 'import { notes } from "../../../shared/notes.ts";', /leaves src/],
    ["src/network/diff.ts", 'import { isIP } from "node:net";', /in a core/],
    ["src/host/a.ts", 'import fs from "fs";', /without node:/],
    ["src/units/a.ts", 'import pino from "pino";', /in a core/],
    ["src/api/a.ts", 'import { test } from "tap";', /not in package.json's dependencies/],
  ];
  for (const [file, text, found] of violations)
    t.match(wrongImports(file, text, dependencies), [found], text);

  const fine: Array<[file: string, text: string]> = [
    ["src/units/registry.ts", 'import type { KvClient } from "../store/kv.ts";'],
    ["src/host/level/db.ts", 'import { Level } from "level";'],
    ["src/api/v3/kv-put.ts", 'import { decodePut } from "../../store/wire/messages.ts";'],
  ];
  for (const [file, text] of fine) t.same(wrongImports(file, text, dependencies), [], text);
});

test("a core reads no clock, draws no randomness, does no I/O", async (t) => {
  const found: string[] = [];
  for (const [file, text] of sources) {
    if (!cores.includes(folderOf(file))) continue;
    for (const name of await worldlyNames(text)) found.push(`${file} uses ${name}`);
  }
  t.same(found, []);
});

test("a worldly name is seen, and only where it is one", async (t) => {
  for (const name of worldly) t.same(await worldlyNames(`export const a = () => ${name};`), [name]);
  t.same(await worldlyNames("export const a = () => new Date();"), ["new Date()"]);
  t.same(await worldlyNames("export const later = (f: () => void) => setTimeout(f, 5);"), ["setTimeout"]);
  t.same(await worldlyNames("export function a(process: number) { return process; } // Date.now"), []);
  t.same(await worldlyNames('export const a = (b: { fetch: string }) => b.fetch + "process";'), []);
});

test("no module keeps state that can change", async (t) => {
  t.same(
    [...sources].flatMap(([file, text]) => mutableState(text).map((name) => `${file}: ${name}`)),
    [],
  );
  t.same(mutableState("let count = 0;\nexport let other;\nfunction f() {\n  let local = 1;\n}"), [
    "count",
    "other",
  ]);
});

test("ARCHITECTURE.md gives a reason for every dependency", async (t) => {
  const text = await readFile(join(root, "ARCHITECTURE.md"), "utf8");
  const names = Object.keys({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  });
  t.ok(names.length > 0);
  t.same(
    names.filter((name) => !text.includes(name)),
    [],
  );
});
