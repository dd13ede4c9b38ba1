/**
 * Whether an address can be listened on, asked before anything on the machine is changed: an agent whose port is taken
 * must leave no trace.
 */
import { createServer } from "node:net";
import { AgentError, errnoOf, messageOf } from "../base/errors.ts";

/** `flag` (without dashes) is the one that named the address. */
export class PortError extends AgentError<{
  code: "port.unusable";
  flag: string;
  host: string;
  port: number;
}> {
  override readonly name = "PortError";
}

const problems: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use; stop the program that has it, or choose another port",
  EADDRNOTAVAIL: "is not an address of this host",
  ENOTFOUND: "cannot be resolved to an address",
  EACCES: "may not be used without root; choose a port from 1024 on",
};

/** Throws PortError if a listener cannot be opened at this address now. */
export async function assertListenable(flag: string, address: { host: string; port: number }): Promise<void> {
  const { host, port } = address;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (cause) {
    const problem = problems[errnoOf(cause) ?? ""] ?? messageOf(cause);
    throw new PortError(
      `--${flag}: ${host}:${port} ${problem}`,
      { code: "port.unusable", flag, host, port },
      { cause },
    );
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}
