/**
 * The command line of `agent`: yargs reads the tree of commands, this file turns what it finds into either a text to print
 * (help) or a handler to run. yargs neither prints nor exits here. Everything that cannot be understood becomes one line
 * that names it.
 */
import yargs, { type Argv } from "yargs";
import { type Action, Arguments, type Command, type Group, positionalsOf } from "./command.ts";
import { fromEnvironment, variableOf } from "./environment.ts";
import { type CliError, usageError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** What a command line asks for. */
export type Parsed =
  | { readonly type: "help"; readonly text: string }
  | { readonly type: "run"; readonly action: Action; readonly given: Arguments };

type Found = { command: Command; path: string; values: Record<string, unknown> };

/** Reads `words` against the commands below `root`. Throws CliError `cli.usage`. */
export async function parse(
  root: Group,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Parsed> {
  let found: Found | undefined;
  let problem: CliError | undefined;
  const note = (command: Command, path: string) => (values: Record<string, unknown>) => {
    found = { command, path, values };
  };

  const declare = (parser: Argv, group: Group, path: string): Argv => {
    for (const command of group.commands) {
      const own = `${path} ${command.name}`;
      const words = "commands" in command || !command.positionals ? "" : ` ${command.positionals}`;
      const build = (below: Argv): Argv => {
        const named = below.usage(
          `${own}${"commands" in command ? " COMMAND" : words}\n\n${command.summary}`,
        );
        for (const [line, effect] of command.examples) named.example(`$0 ${line}`, effect);
        if ("commands" in command) return declare(named, command, own);
        for (const [flag, option] of Object.entries(command.options)) {
          const help = `${option.describe ?? ""} [$${variableOf(flag)}]`;
          named.option(flag, { ...option, describe: help, requiresArg: option.type === "string" });
        }
        return named.config(fromEnvironment(command.options, environment));
      };
      // yargs is not told of the positionals: a misspelt flag may swallow one, and is the thing to complain about then.
      parser.command(command.name, command.summary, build, note(command, own));
    }
    return parser;
  };

  const parser = yargs([])
    .scriptName(root.name)
    .locale("en")
    .parserConfiguration({
      "camel-case-expansion": false,
      "boolean-negation": false,
      "dot-notation": false,
      "duplicate-arguments-array": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage(`${root.name} COMMAND\n\n${root.summary}`)
    .help()
    .alias("help", "h")
    .wrap(100)
    .version(false)
    .exitProcess(false)
    .fail((message, error) => {
      problem ??= usageError(plain(message ?? error?.message ?? "cannot be understood"));
    });
  for (const [line, effect] of root.examples) parser.example(`$0 ${line}`, effect);
  declare(parser, root, root.name);

  let help = "";
  const top = (await parser.parseAsync([...words], {}, (_error, _argv, output) => {
    help = output;
  })) as Record<string, unknown>;
  // Help that yargs prints with a complaint carries the whole usage; the complaint alone is enough.
  if (problem) throw problem;
  if (help) return { type: "help", text: `${help}\n` };
  return choose(found ?? { command: root, path: root.name, values: top });
}

function choose({ command, path, values }: Found): Parsed {
  const words = Array.isArray(values._) ? values._.map(String).slice(path.split(" ").length - 1) : [];
  if ("commands" in command) {
    const names = command.commands.map((below) => below.name);
    refuseUnknown(values, {}, path);
    if (words[0] === undefined) throw usageError(`${path}: which command? one of ${names.join(", ")}`);
    throw usageError(`${path}: unknown command "${words[0]}"${suggestion(nearest(words[0], names))}`);
  }
  refuseUnknown(values, command.options, path);
  const positionals = assign(words, command.positionals, path);
  return { type: "run", action: command, given: new Arguments({ ...values, ...positionals }) };
}

/** Gives the words their names. Throws if there are too few or too many. */
function assign(left: readonly string[], spec: string, path: string): Record<string, string | string[]> {
  const named: Record<string, string | string[]> = {};
  let at = 0;
  for (const { name, required, many } of positionalsOf(spec)) {
    if (required && at === left.length) throw usageError(`${path}: which ${name}? see ${path} --help`);
    if (many) named[name] = left.slice(at);
    else if (at < left.length) named[name] = left[at]!;
    at = many ? left.length : at + 1;
  }
  if (at < left.length)
    throw usageError(`${path}: "${left[at]}" is one argument too many; see ${path} --help`);
  return named;
}

/** Throws for the first flag that the command does not have. */
function refuseUnknown(
  values: Readonly<Record<string, unknown>>,
  options: Action["options"],
  path: string,
): void {
  const flags = Object.keys(options);
  const aliases = Object.values(options).flatMap((option) => option.alias ?? []);
  const known = new Set(["_", "$0", "help", "h", ...flags, ...aliases]);
  for (const name of Object.keys(values)) {
    if (known.has(name)) continue;
    const dashes = name.length === 1 ? "-" : "--";
    const near = nearest(name, [...flags, "help"]);
    throw usageError(`${path}: unknown flag ${dashes}${name}${suggestion(near && `--${near}`)}`);
  }
}

function suggestion(word: string | undefined): string {
  return word ? `; did you mean ${word}?` : "";
}

/** yargs' own complaints, as one line in our words. */
function plain(message: string): string {
  const missing = /^Not enough arguments following: (.+)$/.exec(message);
  if (missing) return `--${missing[1]} needs a value`;
  const choices = /Argument: (\S+), Given: "?([^"]*)"?, Choices: (.+)/.exec(message);
  if (choices) return `--${choices[1]}: "${choices[2]}" is not one of ${choices[3]!.replaceAll('"', "")}`;
  return message.replaceAll(/\s*\n\s*/g, " ");
}
