/**
 * Unit files as fleet reads and writes them (fleet.md 3.2, 3.3): text to a list of options, options to the canonical text,
 * and the hash of that text. systemd's own rules (quotes, specifiers, resets) are left to whoever runs the unit.
 */
import { utf8 } from "../base/bytes.ts";
import { UnitsError } from "./errors.ts";
import { sha1 } from "./sha1.ts";

/** One `name=value` of a section. Order matters and duplicates are meaningful. */
export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/** A physical line of this many bytes is refused, as by fleet. */
const lineBytesLimit = 2048;

/** Reads a unit file. Throws `units.file-malformed` with fleet's text. */
export function parseUnitFile(text: string): UnitOption[] {
  return new UnitFileParser(text).parse();
}

/**
 * The canonical text: sections in order of first appearance, a blank line between them.
 *
 *     [Unit]            [Unit]
 *     A=1               A=1
 *     [Service]    ->   C=3
 *     B=2
 *     [Unit]            [Service]
 *     C=3               B=2
 */
export function serializeUnitFile(options: readonly UnitOption[]): string {
  const sections = new Map<string, string>();
  for (const { section, name, value } of options) {
    sections.set(section, `${sections.get(section) ?? `[${section}]\n`}${name}=${value}\n`);
  }
  return [...sections.values()].join("\n");
}

/** The SHA-1 of a canonical text, 40 hexadecimal digits. */
export function hashOfUnitText(canonicalText: string): string {
  return sha1(utf8.encode(canonicalText));
}

class UnitFileParser {
  readonly #text: string;
  #at = 0;
  readonly #options: UnitOption[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  parse(): UnitOption[] {
    if (!this.#skipToFirstSection()) return [];
    let section = this.#sectionName();
    for (;;) {
      this.#skipBlanks();
      const next = this.#text[this.#at];
      if (next === undefined) return this.#options;
      if (next === "#" || next === ";") this.#skipComment();
      else if (next === "[") {
        this.#at++;
        section = this.#sectionName();
      } else this.#options.push({ section, name: this.#optionName(), value: this.#optionValue() });
    }
  }

  /** Everything before the first `[` is ignored; a comment there hides its own brackets. Stops behind the bracket. */
  #skipToFirstSection(): boolean {
    while (this.#at < this.#text.length) {
      const next = this.#text[this.#at++];
      if (next === "[") return true;
      if (next === "#" || next === ";") this.#skipComment();
    }
    return false;
  }

  #sectionName(): string {
    const end = this.#text.indexOf("]", this.#at);
    if (end < 0) this.#fail("unable to find end of section");
    const name = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    const garbage = this.#line().trim();
    if (garbage !== "") this.#fail(`found garbage after section name ${name}: "${garbage}"`);
    return name;
  }

  #optionName(): string {
    for (let at = this.#at; ; at++) {
      const next = this.#text[at];
      if (next === undefined) this.#fail("EOF");
      if (next === "\n" || next === "\r")
        this.#fail("unexpected newline encountered while parsing option name");
      if (next !== "=") continue;
      const name = this.#text.slice(this.#at, at).trim();
      this.#at = at + 1;
      return name;
    }
  }

  /** A line that ends in a backslash continues; backslash and newline stay in the value, an empty line ends it. */
  #optionValue(): string {
    let value = "";
    for (;;) {
      const line = this.#line();
      if (line.trim() === "") return value.trimStart();
      if (!line.endsWith("\\")) return (value + line).trim();
      value += `${line}\n`;
    }
  }

  #skipComment(): void {
    while (this.#line().endsWith("\\"));
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && /\s/.test(this.#text[this.#at]!)) this.#at++;
  }

  /** The rest of the line, without its newline. Only inside sections is its length limited. */
  #line(): string {
    const newline = this.#text.indexOf("\n", this.#at);
    const end = newline < 0 ? this.#text.length : newline;
    const start = this.#text.lastIndexOf("\n", Math.max(0, this.#at - 1)) + 1;
    // A UTF-16 unit is at most three bytes, so most lines need no count.
    const line = this.#text.slice(Math.min(start, this.#at), end);
    if (line.length * 3 >= lineBytesLimit && Buffer.byteLength(line) >= lineBytesLimit) {
      this.#fail("line too long (max 2048 bytes)");
    }
    const rest = this.#text.slice(this.#at, end);
    this.#at = Math.min(end + 1, this.#text.length);
    return rest;
  }

  #fail(problem: string): never {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    throw new UnitsError(problem, { code: "units.file-malformed", line });
  }
}
