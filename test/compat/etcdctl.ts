/** Debian's etcdctl as a program: runs one command against an endpoint and gives what it printed. */
import { type ChildProcess, execFile, spawn } from "node:child_process";

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Nothing of the caller's ETCDCTL_* settings may leak in. */
const environment = { PATH: process.env.PATH ?? "", ETCDCTL_API: "3" };

/** Runs `etcdctl ARGS` to its end; `input` goes to its standard input. */
export function etcdctl(endpoint: string, args: readonly string[], input = ""): Promise<Printed> {
  return new Promise((resolve) => {
    const child = execFile(
      "etcdctl",
      [`--endpoints=${endpoint}`, ...args],
      { env: environment, timeout: 30_000 },
      (error, stdout, stderr) => {
        resolve({ stdout, stderr, exitCode: error === null ? 0 : Number(error.code ?? -1) });
      },
    );
    // A command that is refused may be gone before it has read anything.
    child.stdin!.on("error", () => {});
    child.stdin!.end(input);
  });
}

/** A command that goes on by itself (watch, lease keep-alive). */
export class RunningEtcdctl {
  readonly #child: ChildProcess;
  #printed = "";
  #wake: () => void = () => {};

  /** `input` goes to its standard input, which stays open. */
  constructor(endpoint: string, args: readonly string[], input?: string) {
    this.#child = spawn("etcdctl", [`--endpoints=${endpoint}`, ...args], {
      env: environment,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    this.#child.stdin?.write(input ?? "");
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        this.#printed += chunk.toString("utf8");
        this.#wake();
      });
    }
    this.#child.on("exit", () => this.#wake());
  }

  /** All output so far, as soon as `holds` is true of it. Throws if the program ends before. */
  async until(holds: (printed: string) => boolean): Promise<string> {
    while (!holds(this.#printed)) {
      if (this.#child.exitCode !== null) throw new Error(`etcdctl ended: ${this.#printed}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#printed;
  }

  /** All output so far. */
  get printed(): string {
    return this.#printed;
  }

  /** All output, once it has ended by itself. */
  async end(): Promise<string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      await new Promise((resolve) => this.#child.once("close", resolve));
    return this.#printed;
  }

  stop(): Promise<void> {
    return this.#signal("SIGKILL");
  }

  /** As by control-C: the program cleans up behind itself. */
  interrupt(): Promise<void> {
    return this.#signal("SIGINT");
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await exited;
  }
}
