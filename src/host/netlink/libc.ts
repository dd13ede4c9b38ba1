/**
 * The system calls that netlink needs, through koffi (about 0.2 microseconds a call), and readability of a socket on the
 * event loop itself: koffi wraps libuv's poll handle, so waiting for the kernel costs neither a thread of the pool nor a
 * worker (a worker_threads worker would cost about 8 MB, a blocked pool thread a quarter of the default pool).
 *
 * koffi is loaded on first use: an agent without the overlay never pays for it.
 */
import { messageOf } from "../../base/errors.ts";
import { NetlinkError } from "./errors.ts";

/** System calls return -1 on failure; `errno` then says why, until the next call. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  send(fd: number, bytes: Buffer, length: number, flags: number): number;
  recv(fd: number, bytes: Buffer, length: number, flags: number): number;
  close(fd: number): number;
  errno(): number;
  /** Calls back on the event loop whenever `fd` can be read. Does not keep the process alive. */
  onReadable(fd: number, ready: () => void): { close(): void };
}

/** Loads koffi and binds the calls. Throws netlink.unavailable if the addon cannot be loaded. */
export async function openLibc(): Promise<Libc> {
  try {
    const { default: koffi } = await import("koffi");
    const library = koffi.load(null);
    return {
      socket: library.func("int socket(int, int, int)"),
      bind: library.func("int bind(int, const void *, uint32_t)"),
      setsockopt: library.func("int setsockopt(int, int, int, const void *, uint32_t)"),
      send: library.func("long send(int, const void *, size_t, int)"),
      recv: library.func("long recv(int, void *, size_t, int)"),
      close: library.func("int close(int)"),
      errno: () => koffi.errno(),
      onReadable(fd, ready) {
        const handle = koffi.node.poll(fd, { readable: true }, () => ready());
        handle.unref();
        return { close: () => handle.close() };
      },
    };
  } catch (error) {
    throw new NetlinkError(
      `the addon for system calls does not load: ${messageOf(error)}`,
      { code: "netlink.unavailable", errno: 0 },
      { cause: error },
    );
  }
}
