/**
 * `npm start [-- FLAGS]`: brings dist/agent up to date and runs one agent: a single member, data in ./data, loopback
 * only, unless FLAGS (those of `agent run`) say otherwise. Prints what to try next once it serves.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "./platform.ts";
import { bringUpToDate } from "./up-to-date.ts";

const endpoint = "http://127.0.0.1:2379";

try {
  await bringUpToDate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
if (process.argv.length === 2 && (await fetch(`${endpoint}/version`).catch(() => undefined))) {
  console.error(
    `argosy: something serves on ${endpoint} already; stop it, or give other ports: npm start -- --help`,
  );
  process.exit(1);
}
// A process group of its own, so that Ctrl-C reaches it once, through us, and not a second time from the terminal.
const agent = spawn(`${root}dist/agent`, ["run", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  detached: true,
});
const ended = new AbortController();
agent.on("error", (error) => {
  console.error(`argosy: dist/agent does not start: ${error.message}`);
  process.exit(1);
});
agent.on("exit", (code, signal) => {
  ended.abort();
  process.exitCode = code ?? (signal === "SIGTERM" || signal === "SIGINT" ? 0 : 1);
});
forwardSignals();
if (process.argv.length === 2) await hint();

/** Passes each signal on, but a burst of the same only once: npm and the terminal may both deliver a Ctrl-C. */
function forwardSignals(): void {
  let last = -Infinity;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (performance.now() - last < 1000) return;
      last = performance.now();
      agent.kill(signal);
    });
  }
}

async function hint(): Promise<void> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await delay(50)) {
    if (ended.signal.aborted) return;
    const answer = await fetch(`${endpoint}/version`, { signal: ended.signal }).catch(() => undefined);
    if (answer?.ok !== true) continue;
    if (ended.signal.aborted) return;
    console.log(
      [
        "",
        `One agent serves on ${endpoint}, its data is in ./data; Ctrl-C stops it. Try, in another terminal:`,
        "",
        "  dist/agent status                             members, machines, units, subnets",
        "  ETCDCTL_API=3 etcdctl put greeting hello      (Debian: apt-get install etcd-client)",
        "  ETCDCTL_API=3 etcdctl get greeting",
        `  curl ${endpoint}/version`,
        "",
      ].join("\n"),
    );
    return;
  }
}
