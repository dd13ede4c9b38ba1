/**
 * The password thread: bcrypt (etcd.md 9.3) costs tens of milliseconds to seconds of processor time on purpose, which the
 * agent's one event loop does not have. Runs as a file from the sources, and from a string in the executable
 * (worker-source.ts), so it imports nothing of the agent but types.
 */
import { parentPort } from "node:worker_threads";
import { compareSync, hashSync } from "bcryptjs";
import type { PasswordAnswer, PasswordJob, PasswordRequest } from "./protocol.ts";

const port = parentPort!;

port.on("message", ({ id, job }: PasswordRequest) => {
  const answer = (rest: Omit<PasswordAnswer, "id">): void => port.postMessage({ id, ...rest });
  try {
    answer({ value: run(job) });
  } catch (error) {
    answer({ problem: error instanceof Error ? error.message : String(error) });
  }
});

function run(job: PasswordJob): string | boolean {
  return job.type === "hash" ? hashSync(job.password, job.cost) : compareSync(job.password, job.hash);
}
