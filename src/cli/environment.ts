/**
 * Every flag can also be given as an environment variable: `--data-dir` is AGENT_DATA_DIR. The flag wins. Variables that
 * no flag of this command corresponds to are ignored: one environment file serves all commands.
 */
import type { Options } from "yargs";

/** The variable of a flag. */
export function variableOf(flag: string): string {
  return `AGENT_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** The flags that the environment gives values to. An empty variable counts as absent, as in a shell's `${X:-}`. */
export function fromEnvironment(
  options: Readonly<Record<string, Options>>,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | boolean> {
  const values: Record<string, string | boolean> = {};
  for (const [flag, option] of Object.entries(options)) {
    const value = environment[variableOf(flag)];
    if (!value) continue;
    values[flag] = option.type === "boolean" ? value === "true" || value === "1" : value;
  }
  return values;
}
