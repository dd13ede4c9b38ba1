/**
 * A command as data: what its help says, which options it takes, and where its handler is. The handler's module is
 * imported only when the command runs, so that `agent run` does not pay for the others and they not for the agent.
 */
import type { Options } from "yargs";
import { usageError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** Runs a command and gives the exit code. Throws AgentError for everything that the user has to read. */
export type Handler = (given: Arguments, terminal: Terminal) => Promise<number>;

interface CommandCommon {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Command lines without the leading `agent`, each with what it does. */
  readonly examples: ReadonlyArray<readonly [line: string, effect: string]>;
}

/** A command that does something. */
export interface Action extends CommandCommon {
  /** Positional arguments as yargs writes them: `<unit..>`, `[key]`; empty if there are none. */
  readonly positionals: string;
  readonly options: Readonly<Record<string, Options>>;
  /** Imports the handler. */
  load(): Promise<Handler>;
}

/** A command that only has commands below it. */
export interface Group extends CommandCommon {
  readonly commands: readonly Command[];
}

export type Command = Action | Group;

/** One positional argument of `Action.positionals`. */
export interface Positional {
  readonly name: string;
  readonly required: boolean;
  /** Takes all words that are left. */
  readonly many: boolean;
}

/** Reads `<unit..> [key]`. */
export function positionalsOf(text: string): Positional[] {
  return [...text.matchAll(/([<[])([a-z-]+)(\.\.)?[>\]]/g)].map(([, bracket, name, dots]) => {
    return { name: name!, required: bracket === "<", many: dots !== undefined };
  });
}

/** What the user gave, after defaults and environment. */
export class Arguments {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** An option's or positional's text; undefined if it was not given and has no default. */
  maybe(name: string): string | undefined {
    const value = this.#values[name];
    return value === undefined ? undefined : String(value);
  }

  /** As `maybe`, for what has a default or is required. */
  text(name: string): string {
    const value = this.maybe(name);
    if (value === undefined) throw usageError(`${name} is missing`);
    return value;
  }

  /** A positional with `..`. */
  list(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
  }

  /** A boolean option. */
  flag(name: string): boolean {
    return this.#values[name] === true;
  }
}
