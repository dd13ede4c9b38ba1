/** One agent as a process of its own, on ports and a directory that outlive it: for what only a kill can show. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePorts } from "../../support/agents.ts";

const main = join(import.meta.dirname, "../../../src/main.ts");

export class AgentProcess {
  readonly endpoint: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "argosy-process-"));
  readonly #peerPort: number;
  #child: ChildProcess | null = null;
  /** What the running process has written to its log. */
  log = "";

  private constructor([port, peerPort]: readonly number[]) {
    this.endpoint = `127.0.0.1:${port}`;
    this.#peerPort = peerPort!;
  }

  static async make(): Promise<AgentProcess> {
    return new AgentProcess(await freePorts(2));
  }

  /** Resolves when it says that it serves. */
  start(): Promise<void> {
    this.log = "";
    const flags = {
      name: "m1",
      "data-dir": this.#directory,
      "initial-cluster": `m1=http://127.0.0.1:${this.#peerPort}`,
      "listen-client-urls": `http://${this.endpoint}`,
      units: "off",
      network: "off",
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(process.execPath, [main, "run", ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    return new Promise((resolve, reject) => {
      child.stderr!.on("data", (chunk: Buffer) => {
        this.log += chunk.toString("utf8");
        if (this.log.includes("ready to serve client requests")) resolve();
      });
      child.once("exit", () => reject(new Error(`the agent ended: ${this.log.slice(-500)}`)));
    });
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
