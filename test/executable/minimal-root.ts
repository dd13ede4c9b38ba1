/**
 * The smallest Linux root that dist/agent runs in: the executable, the libraries that `ldd` names, a static busybox for
 * the test's own use, a /tmp. No Node, no iproute2, no systemd, no D-Bus, no /dev/net/tun. The agent is started in it by
 * chroot, in namespaces of its own (network, processes, mounts), so that nothing outside is touched.
 *
 * The same by hand in a real Debian: `debootstrap --variant=minbase bookworm ROOT`, copy dist/agent in, chroot; README has
 * the commands. That takes minutes and a mirror, so the test does not.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("../../", import.meta.url));
const executable = join(repository, "dist/agent");
const busybox = "/usr/bin/busybox";

/** Why these tests cannot run here, or undefined. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root: chroot and namespaces";
  if (!existsSync(executable)) return "needs dist/agent: npm run build";
  for (const program of [busybox, "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/ldd"]) {
    if (!existsSync(program)) return `needs ${program} (Debian: busybox-static, util-linux, libc-bin)`;
  }
  return undefined;
}

export class MinimalRoot implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<MinimalRoot> {
    // In dist/, where the executable is: a hard link then saves copying it.
    const root = new MinimalRoot(await mkdtemp(join(repository, "dist/root-")));
    for (const folder of ["bin", "tmp", "dev", "proc", "data"]) await mkdir(join(root.path, folder));
    await link(executable, join(root.path, "bin/agent"));
    await copyFile(busybox, join(root.path, "bin/busybox"));
    for (const library of await librariesOf(executable)) {
      await mkdir(join(root.path, dirname(library)), { recursive: true });
      await copyFile(library, join(root.path, library));
    }
    return root;
  }

  /** Runs the agent with these arguments to its end. */
  async agent(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = this.#spawn(["/bin/agent", ...args]);
    const [out, err] = [collect(child, "stdout"), collect(child, "stderr")];
    const [code] = await once(child, "close");
    return { code: code ?? 128, out: out.text, err: err.text };
  }

  /** The same, after taking away /tmp, the last place for the native parts. */
  async agentWithoutTmp(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    await rm(join(this.path, "tmp"), { recursive: true });
    return this.agent(...args);
  }

  /** Starts `agent run` in the background, with a loopback interface and nothing else. */
  start(...args: string[]): RunningAgent {
    const flags = ["run", "--name", "small", "--data-dir", "/data/small", ...args].join(" ");
    // The PATH's only programs are busybox's and the agent: what the host has is out of reach.
    return new RunningAgent(
      this.#spawn(["/bin/busybox", "sh", "-c", `busybox ifconfig lo up; exec agent ${flags}`]),
    );
  }

  #spawn(command: string[]): ChildProcess {
    const namespaces = ["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"];
    const enter = [...namespaces, `--mount-proc=${join(this.path, "proc")}`, "chroot", this.path];
    return spawn("/usr/bin/unshare", [...enter, ...command], {
      env: { PATH: "/bin:/usr/sbin:/usr/bin" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

export class RunningAgent implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #out: { text: string };
  readonly #err: { text: string };

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#out = collect(child, "stdout");
    this.#err = collect(child, "stderr");
  }

  /** All that the agent has written so far. */
  get log(): string {
    return this.#out.text + this.#err.text;
  }

  get logLines(): Array<Record<string, unknown>> {
    return this.log.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  }

  /** Runs a host program inside the agent's network: it sees the agent's loopback. Rejects when it fails. */
  async inNetwork(command: string, ...args: string[]): Promise<string> {
    const net = `--net=/proc/${await this.#insidePid()}/ns/net`;
    const env = { ...process.env, ETCDCTL_API: "3" };
    const { stdout } = await run("/usr/bin/nsenter", [net, command, ...args], { env, timeout: 30_000 });
    return stdout;
  }

  /** Resolves when `condition` holds. Rejects with the agent's log if it ends, or does not within 30 s. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + 30_000; ; await delay(20)) {
      if (await condition()) return;
      const ended = this.#child.exitCode !== null;
      if (ended || performance.now() > deadline)
        throw new Error(`${what}: did not happen; log:\n${this.log}`);
    }
  }

  /** Whether /health answers 200. */
  async isHealthy(): Promise<boolean> {
    const script =
      "fetch('http://127.0.0.1:2379/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))";
    return this.inNetwork(process.execPath, "-e", script).then(
      () => true,
      () => false,
    );
  }

  /** SIGTERM to the agent itself; resolves to its exit code. */
  async stop(): Promise<number> {
    const exit = once(this.#child, "close");
    process.kill(await this.#insidePid(), "SIGTERM");
    const [code] = await exit;
    return code ?? 128;
  }

  async #insidePid(): Promise<number> {
    const path = `/proc/${this.#child.pid}/task/${this.#child.pid}/children`;
    return Number((await readFile(path, "utf8")).trim().split(" ")[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

/** The shared libraries and the loader that an executable needs, as `ldd` names them. */
async function librariesOf(path: string): Promise<string[]> {
  const { stdout } = await run("/usr/bin/ldd", [path]);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
}

function collect(child: ChildProcess, stream: "stdout" | "stderr"): { text: string } {
  const collected = { text: "" };
  child[stream]?.setEncoding("utf8").on("data", (text: string) => {
    collected.text += text;
  });
  return collected;
}
