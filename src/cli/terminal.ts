/** Where a command writes and what it knows of its surroundings; tests pass their own. */
export interface Terminal {
  /** Standard output. `text` carries its own line ends. */
  out(text: string): void;
  /** Standard error: one line, without a line end. */
  complain(line: string): void;
  /** All of standard input. */
  input(): Promise<string>;
  /** Asks for something that is not to be shown; null if nobody answers. */
  secret(prompt: string): Promise<string | null>;
  /** Environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}
