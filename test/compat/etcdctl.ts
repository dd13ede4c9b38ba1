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

  constructor(endpoint: string, args: readonly string[]) {
    this.#child = spawn("etcdctl", [`--endpoints=${endpoint}`, ...args], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
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

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await exited;
  }
}
