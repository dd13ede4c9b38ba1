/** Asks a person for something that must not be seen: on the controlling terminal, so that standard input stays free for data. */
import { closeSync, openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";

const terminalPath = "/dev/tty";
/** Longer than any password that bcrypt takes. */
const lengthMax = 1024;

/** The line that was typed, without showing it; null if there is no terminal, or the person gave up (Ctrl-C, Ctrl-D). */
export async function askSecret(prompt: string): Promise<string | null> {
  const terminal = openTerminal();
  if (terminal === null) return null;
  const { input, output } = terminal;
  input.setRawMode(true);
  output.write(prompt);
  try {
    return await typed(input);
  } finally {
    input.setRawMode(false);
    output.write("\n");
    input.destroy();
    output.destroy();
  }
}

function openTerminal(): { input: ReadStream; output: WriteStream } | null {
  const opened: number[] = [];
  try {
    for (const flags of ["r", "w"]) opened.push(openSync(terminalPath, flags));
    return { input: new ReadStream(opened[0]!), output: new WriteStream(opened[1]!) };
  } catch {
    for (const descriptor of opened) closeSync(descriptor);
    return null;
  }
}

function typed(input: ReadStream): Promise<string | null> {
  return new Promise((resolve) => {
    const line = new SecretLine();
    input.on("data", (chunk) => {
      const end = line.type(chunk.toString("utf8"));
      if (end !== undefined) resolve(end);
    });
    input.on("end", () => resolve(null));
    input.on("error", () => resolve(null));
  });
}

/** A line as it is typed in raw mode: what a terminal would do for us otherwise. */
export class SecretLine {
  #characters: string[] = [];

  /** What the line came to once it is over: its text, or null for a person who gave up. Undefined: it goes on. */
  type(text: string): string | null | undefined {
    for (const character of text) {
      if (character === "\r" || character === "\n") return this.#characters.join("");
      if (character === "\x03" || character === "\x04") return null;
      if (character === "\x7f" || character === "\b") this.#characters.pop();
      else if (character === "\x15") this.#characters = [];
      else if (character >= " " && this.#characters.length < lengthMax) this.#characters.push(character);
    }
    return undefined;
  }
}
