/**
 * Clients that put keys as fast as etcdctl can, one per host, to any member, and note each key once it was acknowledged:
 * what they noted must be in the store afterwards, whatever was killed meanwhile.
 */
import { join } from "node:path";
import { type Host, type Spawned, until } from "./hosts.ts";

const script = (run: string, name: string, endpoints: string): string => `
export ETCDCTL_API=3
i=0
while [ ! -e /var/stop-${run} ]; do
  i=$((i + 1))
  if etcdctl --endpoints ${endpoints} --command-timeout 2s put ${run}/${name}/$i $i >/dev/null 2>&1
  then echo ${run}/${name}/$i >>/var/acknowledged-${run}
  fi
done
`;

export class Writers {
  readonly #run: string;
  readonly #hosts: readonly Host[];
  readonly #running: readonly Spawned[];

  /** Starts one writer on each host. `run` keeps their keys apart from other writers'. */
  constructor(run: string, hosts: readonly Host[], logDirectory: string) {
    const endpoints = hosts.map(({ ip }) => `http://${ip}:2379`).join(",");
    this.#run = run;
    this.#hosts = hosts;
    this.#running = hosts.map((host) =>
      host.spawn(script(run, host.name, endpoints), join(logDirectory, `writer-${run}-${host.name}.log`)),
    );
  }

  /** Keys that were acknowledged so far. */
  acknowledged(): string[] {
    return this.#hosts.flatMap((host) => {
      try {
        return host.read(`/var/acknowledged-${this.#run}`).split("\n").slice(0, -1);
      } catch {
        return [];
      }
    });
  }

  /** Waits until `count` more keys than now have been acknowledged. */
  async progress(count: number): Promise<void> {
    const goal = this.acknowledged().length + count;
    await until(`${count} further puts are acknowledged`, () => this.acknowledged().length >= goal, {
      withinMs: 60_000,
    });
  }

  /** Lets each finish its put, and ends them. */
  async stop(): Promise<void> {
    for (const host of this.#hosts) host.write(`/var/stop-${this.#run}`, "");
    await Promise.all(this.#running.map((writer) => writer.ended()));
  }
}
