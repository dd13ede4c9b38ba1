/** Runs programs of this machine for the lab: output collected, an end enforced, a whole process group killed at once. */
import { type ChildProcess, spawn } from "node:child_process";

/** What a finished command left. `code` is 128 + signal number's stand-in 255 when a signal or the time limit ended it. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Milliseconds until the command's process group is killed; 60 000 if absent. */
  readonly timeout?: number;
  /** Written to its standard input, which is otherwise empty. */
  readonly input?: string;
}

const timeoutDefaultMs = 60_000;

/** Kills the process group that `child` leads; a group that is gone already is fine. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

/** Runs `words` and waits for the end. Never rejects for an exit code; a program that does not exist gives 127. */
export function attempt(words: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const [program, ...args] = words;
    const child = spawn(program!, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const limit = options.timeout ?? timeoutDefaultMs;
    const timer = setTimeout(() => {
      err.push(Buffer.from(`killed after ${limit} ms\n`));
      killGroup(child);
    }, limit);
    const finish = (code: number): void => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    };
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    // A program that does not read its input closes the pipe; that is its right.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      err.push(Buffer.from(error.message));
      finish(127);
    });
    child.on("close", (code) => finish(code ?? 255));
  });
}

/** As `attempt`, but a code other than 0 rejects with the command and what it printed. */
export async function must(words: readonly string[], options: CommandOptions = {}): Promise<string> {
  const outcome = await attempt(words, options);
  if (outcome.code !== 0)
    throw new Error(`${words.join(" ")}: exit ${outcome.code}: ${outcome.stderr || outcome.stdout}`);
  return outcome.stdout;
}

/**
 * Waits until `probe` gives something other than undefined, false or null, and returns it. The probes follow each other
 * at `everyMs`; after `withinMs` it rejects with `what`.
 */
export async function until<Fact>(
  what: string,
  probe: () => Promise<Fact | undefined | null | false> | Fact | undefined | null | false,
  { withinMs = 10_000, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<Fact> {
  const end = performance.now() + withinMs;
  for (;;) {
    const fact = await probe();
    if (fact !== undefined && fact !== null && fact !== false) return fact;
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
