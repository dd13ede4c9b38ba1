/**
 * The multi-call table: the name that the executable is called by selects the front. A symbolic link `etcdctl -> agent` is
 * all that a further name needs. Names that are not in the table get the agent's own front, so that the file may be
 * renamed freely.
 */
import type { Terminal } from "./terminal.ts";

/** A front: the words after the name, and the exit code. */
export type Front = (words: readonly string[], terminal: Terminal) => Promise<number>;

type FrontLoader = () => Promise<Front>;

const agent: FrontLoader = async () => (await import("./agent-front.ts")).agentFront;

const later =
  (name: string): FrontLoader =>
  async () =>
  async (_words, terminal) => {
    terminal.complain(`${name}: this front is not in this version yet; call the executable as agent`);
    return 1;
  };

/** Names that other programs' users and scripts call, and the plugins that a container runtime looks for. */
const reserved = [
  "etcd",
  "etcdctl",
  "fleetd",
  "fleetctl",
  "flanneld",
  "flannel",
  "bridge",
  "host-local",
  "portmap",
];

const fronts: ReadonlyMap<string, FrontLoader> = new Map([
  ["agent", agent],
  ...reserved.map((name): [string, FrontLoader] => [name, later(name)]),
]);

/** The front for a name without directories. */
export function frontFor(name: string): FrontLoader {
  return fronts.get(name) ?? agent;
}
