/**
 * One host of a lab: its own network stack, process tree, file system (a copy-on-write view of this machine's) and process
 * 1. `powerOff` kills everything at once; what was written to its disk stays for the next `boot`, including what only
 * the page cache held, so a lost fsync is the simulator's to find, not the lab's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { attempt, type CommandOptions, killGroup, type Outcome, until } from "./command.ts";
import { hostScript, type Init } from "./host-script.ts";
import { type Place, removeTree } from "./place.ts";
import type { Switch } from "./switch.ts";

export interface HostOptions {
  /** From 1. Host 3 is `h3` at `<net>.3`. */
  readonly number: number;
  readonly init: Init;
}

export class Host {
  readonly name: string;
  readonly ip: string;
  readonly machineId: string;
  readonly #number: number;
  readonly #init: Init;
  readonly #place: Place;
  readonly #switch: Switch;
  readonly #base: string;
  /** The `unshare` on this machine, and process 1 of the host as this machine numbers it; undefined while off. */
  #running: { readonly outer: ChildProcess; readonly pid: number } | undefined;

  constructor({ number, init }: HostOptions, modules: { place: Place; switch: Switch }) {
    this.#number = number;
    this.#init = init;
    this.#place = modules.place;
    this.#switch = modules.switch;
    this.name = `h${number}`;
    this.ip = `${modules.switch.net}.${number}`;
    this.#base = join(modules.place.dir, this.name);
    this.machineId = createHash("md5").update(`${modules.place.tag}-${this.name}`).digest("hex");
  }

  get on(): boolean {
    return this.#running !== undefined;
  }

  /** The host's file system as this machine sees it. Only while it is on. */
  get root(): string {
    return `/proc/${this.#pid}/root`;
  }

  get #pid(): number {
    if (!this.#running) throw new Error(`${this.name} is off`);
    return this.#running.pid;
  }

  /** Starts the host on its disk and waits until its network is there and, with systemd, its start-up has finished. */
  async boot(): Promise<void> {
    if (this.#running) throw new Error(`${this.name} is on`);
    for (const part of ["upper", "scratch", "root"]) mkdirSync(join(this.#base, part), { recursive: true });
    const script = join(this.#base, "start");
    const hosts = Array.from({ length: 32 }, (_, i) => `${this.#switch.net}.${i + 1} h${i + 1}`);
    const { name, machineId } = this;
    const given = {
      name,
      machineId,
      base: this.#base,
      init: this.#init,
      hosts: ["127.0.0.1 localhost", ...hosts],
    };
    writeFileSync(script, hostScript(given));

    const cgroup = this.#place.cgroup(this.name);
    const spaces = "--mount --uts --ipc --pid --cgroup --net --fork --kill-child";
    // The death of the test process kills `unshare`, whose death kills process 1, whose death kills the host.
    const enter = `echo $$ >${cgroup}/cgroup.procs && exec unshare ${spaces} sh ${script}`;
    const console = openSync(this.consolePath, "w");
    const outer = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-c", enter], {
      detached: true,
      stdio: ["ignore", console, console],
    });
    outer.unref();
    const alive = () => {
      if (outer.exitCode === null && outer.signalCode === null) return;
      throw new Error(`${this.name} did not start: ${readFileSync(this.consolePath, "utf8")}`);
    };
    const pid = await until(`process 1 of ${this.name}`, () => {
      alive();
      return childOf(outer.pid!);
    });
    this.#running = { outer, pid };
    await this.#switch.plug(this.#number, pid);
    await until(`init of ${this.name} runs`, () => {
      alive();
      return !/\/(ba|da)?sh$|unshare$|mount$/.test(programOf(pid));
    });
    if (this.#init === "systemd") await this.#started();
  }

  /** Where process 1's output goes, on this machine. */
  get consolePath(): string {
    return join(this.#base, "console.log");
  }

  /** Degraded counts: a unit of this machine's distribution that does not suit a namespace may fail. */
  async #started(): Promise<void> {
    await until(
      `systemd of ${this.name} has started`,
      async () => /running|degraded/.test((await this.exec("systemctl is-system-running --wait")).stdout),
      { withinMs: 30_000, everyMs: 50 },
    );
  }

  /** Runs a command line (for `sh`) or a list of words in the host, and waits for its end. */
  exec(command: string | readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return attempt(this.#inside(command), options);
  }

  /** As `exec`; an exit code other than 0 rejects. Gives the standard output. */
  async must(command: string | readonly string[], options: CommandOptions = {}): Promise<string> {
    const outcome = await this.exec(command, options);
    if (outcome.code === 0) return outcome.stdout;
    const line = typeof command === "string" ? command : command.join(" ");
    throw new Error(`${this.name}: ${line}: exit ${outcome.code}: ${outcome.stderr || outcome.stdout}`);
  }

  /** Starts a command in the host and leaves it running; its output goes to `logPath` on this machine. */
  spawn(command: string | readonly string[], logPath: string): Spawned {
    const log = openSync(logPath, "a");
    const [program, ...args] = this.#inside(command);
    const child = spawn(program!, args, { detached: true, stdio: ["ignore", log, log] });
    child.unref();
    const ended = new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? 255)));
    const wait = (): Promise<number> => {
      // It does not keep a test alive by itself, but whoever waits for it does.
      child.ref();
      return ended;
    };
    return { ended: wait, kill: (signal) => killGroup(child, signal) };
  }

  /** Copies a file of this machine into the host. */
  put(source: string, destination: string): void {
    const target = join(this.root, destination);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
  }

  /** Writes a file in the host. */
  write(destination: string, text: string): void {
    const target = join(this.root, destination);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  /** Reads a file of the host's disk, also while it is off (then: only what the host itself has written). */
  read(path: string): string {
    return readFileSync(this.on ? join(this.root, path) : join(this.#base, "upper", path), "utf8");
  }

  /** SIGKILL to every process of the host at one moment. Its disk stays. */
  async powerOff(): Promise<void> {
    if (!this.#running) return;
    const cgroup = this.#place.cgroup(this.name);
    writeFileSync(join(cgroup, "cgroup.kill"), "1");
    const { outer, pid } = this.#running;
    this.#running = undefined;
    killGroup(outer);
    // What `exec` brought in from outside is in another cgroup; it dies with process 1, and the last of them takes the
    // mounts with it, which the next boot needs free.
    await until(`${this.name} is off`, () => !existsSync(`/proc/${pid}`));
    await this.#switch.unplug(this.#number);
    await until(`${cgroup} is empty`, () =>
      /populated 0/.test(readFileSync(join(cgroup, "cgroup.events"), "utf8")),
    );
    removeTree(cgroup);
  }

  /** Pulls the network cable. */
  cableOff(): Promise<void> {
    return this.#switch.cable(this.#number, "down");
  }

  cableOn(): Promise<void> {
    return this.#switch.cable(this.#number, "up");
  }

  #inside(command: string | readonly string[]): string[] {
    const words = typeof command === "string" ? ["sh", "-c", command] : command;
    return [
      "nsenter",
      "-t",
      String(this.#pid),
      "-m",
      "-u",
      "-i",
      "-p",
      "-n",
      "-C",
      "-r",
      "-w",
      "--",
      ...words,
    ];
  }
}

/** A command left running in a host. */
export interface Spawned {
  /** Waits for its exit code; 255 if a signal ended it. */
  ended(): Promise<number>;
  kill(signal?: NodeJS.Signals): void;
}

function childOf(pid: number): number | undefined {
  try {
    const first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0];
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "sh";
  }
}
