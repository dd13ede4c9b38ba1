/**
 * One process for each data directory. The lock is a listening unix socket, DATA/lock: whoever can connect to it knows
 * that its owner lives, and after any kind of death the kernel refuses the connection, so it cannot go stale and no pid
 * is compared across namespaces. Node offers no flock, and koffi for this alone would cost 13 ms and 7 MB. Two processes
 * that both find a dead lock in the same moment could both take it over; leveldb's own lock then refuses the second.
 */
import { open, unlink } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { errnoOf } from "../../base/errors.ts";
import { DataDirError } from "./errors.ts";

const attemptsMax = 5;

/** Held until `release`, or until the process ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** Throws DataDirError `data-dir.locked`. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  // A socket path has at most 107 bytes, a data directory may be longer: so it is named through its descriptor.
  const handle = await open(directory, "r");
  const path = `/proc/self/fd/${handle.fd}/lock`;
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const server = await tryListen(path);
      if (server) return { release: () => close(server).finally(() => handle.close()) };
      if (await answers(path)) break;
      await unlink(path).catch((error) => {
        if (errnoOf(error) !== "ENOENT") throw error;
      });
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  throw new DataDirError(
    `${directory} is in use by another agent: stop that one, or give --data-dir another directory`,
    { code: "data-dir.locked", path: directory },
  );
}

/** Null if something is at `path`. */
function tryListen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error) => {
      if (errnoOf(error) === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen(path, () => resolve(server.unref()));
  });
}

/** Whether somebody listens there. In doubt (a full backlog) yes. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      socket.destroy();
      const errno = errnoOf(error);
      resolve(errno !== "ECONNREFUSED" && errno !== "ENOENT" && errno !== "ENOTSOCK");
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
