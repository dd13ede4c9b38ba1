/** What a unit is called, given what the user typed (fleet.md 2.2). */
import { basename, dirname, join } from "node:path";

const suffixes = [".service", ".socket", ".timer", ".path", ".device", ".mount", ".automount"];

/** A unit as typed: its name, and the file that may hold it. */
export interface UnitWord {
  readonly name: string;
  readonly path: string;
  /** The template, if the name is that of an instance: `web@.service` of `web@1.service`. */
  readonly template: { readonly name: string; readonly path: string } | undefined;
}

/** `./units/web@1` is `web@1.service`, in the file `./units/web@1.service` or as an instance of its template. */
export function unitWord(word: string): UnitWord {
  const path = suffixes.some((suffix) => word.endsWith(suffix)) ? word : `${word}.service`;
  const name = basename(path);
  const parts = /^([^@]+@)(.+)(\.[a-z]+)$/.exec(name);
  if (!parts) return { name, path, template: undefined };
  const template = `${parts[1]}${parts[3]}`;
  return { name, path, template: { name: template, path: join(dirname(path), template) } };
}
