/** The test folders: what each holds, how many files run at once, how long one may take. */
import { glob } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { root } from "./platform.ts";

export interface Group {
  readonly name: string;
  readonly about: string;
  readonly patterns: readonly string[];
  readonly jobs: number;
  readonly timeoutSeconds: number;
  /** Whether its tests run dist/agent. */
  readonly needsExecutable: boolean;
}

const all = availableParallelism();

export const groups: readonly Group[] = [
  group("unit", "parts by themselves, and the direction of imports", { patterns: ["test/*.test.ts"] }),
  group("scenario", "stories: what raft does, event by event"),
  group("conformance", "suites that every implementation of a port must pass", { timeoutSeconds: 120 }),
  group("compat", "real clients, and a real etcd as the oracle", {
    timeoutSeconds: 180,
    needsExecutable: true,
  }),
  group("fuzz", "damaged input of every kind, seeded", { timeoutSeconds: 120 }),
  group("clients", "client libraries of others: npm etcd3, Go, Python, Java", { timeoutSeconds: 300 }),
  group("simulation", "many agents, virtual time, seeded faults", { timeoutSeconds: 300 }),
  group("executable", "dist/agent in a minimal root", {
    jobs: 1,
    timeoutSeconds: 180,
    needsExecutable: true,
  }),
  group("lab", "several hosts as network namespaces; root", {
    jobs: 1,
    timeoutSeconds: 600,
    needsExecutable: true,
  }),
];

function group(name: string, about: string, options: Partial<Omit<Group, "name" | "about">> = {}): Group {
  const { patterns = [], jobs = all, timeoutSeconds = 60, needsExecutable = false } = options;
  return {
    name,
    about,
    patterns: [...patterns, `test/${name}/**/*.test.ts`],
    jobs,
    timeoutSeconds,
    needsExecutable,
  };
}

/** The files of a group, in a fixed order. */
export async function filesOf(group: Group): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob([...group.patterns], { cwd: root })) files.push(file);
  return files.sort();
}

/**
 * What `words` select: names of groups, or paths of test files (which run in the group they belong to); all groups when
 * there are none. Throws on a word that is neither.
 */
export async function select(words: readonly string[]): Promise<Array<{ group: Group; files: string[] }>> {
  const selection: Array<{ group: Group; files: string[] }> = [];
  const unknown = new Set(words);
  for (const group of groups) {
    const files = await filesOf(group);
    const named = words.length === 0 || unknown.delete(group.name);
    const chosen = named ? files : files.filter((file) => unknown.delete(file));
    if (named || chosen.length > 0) selection.push({ group, files: chosen });
  }
  const names = groups.map(({ name }) => name).join(", ");
  if (unknown.size > 0)
    throw new Error(`no tests are called ${[...unknown].join(", ")}: give files, or ${names}`);
  return selection;
}
