/**
 * Netlink sockets, non-blocking. A request is answered within the call: rtnetlink works in the context of `send`, so its
 * acknowledgement is already queued when `send` returns, and the next part of a dump is made in the `recv` that asks for
 * it. That is why requests are synchronous here, and need no queue, no timeout and no sequence table. Notifications have
 * a socket of their own, read when the event loop says so.
 */
import { assert } from "../../base/assert.ts";
import { errno, errnoName, NetlinkError } from "./errors.ts";
import type { Libc } from "./libc.ts";
import {
  type Answer,
  control,
  decodeAnswer,
  decodeMessages,
  encodeMessage,
  flag,
  type Message,
} from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const option = { ADD_MEMBERSHIP: 1, CAP_ACK: 10, EXT_ACK: 11, GET_STRICT_CHK: 12 } as const;

/** Multicast groups of rtnetlink. */
export const group = { LINK: 1, NEIGH: 3, IPV4_IFADDR: 5, IPV4_ROUTE: 7 } as const;

/** The kernel fills at most 32 KiB per part of a dump when the reader offers as much. */
const receiveBytes = 64 * 1024;
/** Interrupted dumps in a row after which the table counts as unsteady. */
const dumpTriesMax = 5;
/** Datagrams of notifications read in one turn of the loop; the rest waits for the next. */
const datagramsPerTurnMax = 64;

function openSocket(libc: Libc): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  if (fd >= 0 && libc.bind(fd, address, address.length) === 0) return fd;
  const code = libc.errno();
  if (fd >= 0) libc.close(fd);
  throw new NetlinkError(`no netlink socket: ${errnoName(code)}`, {
    code: "netlink.unavailable",
    errno: code,
  });
}

function setOption(libc: Libc, fd: number, name: number, value: number): boolean {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return libc.setsockopt(fd, SOL_NETLINK, name, bytes, bytes.length) === 0;
}

/** A request: message type, flags beside REQUEST, body and attributes. `operation` names it in errors. */
export interface Request {
  readonly operation: string;
  readonly type: number;
  readonly flags: number;
  readonly parts: readonly Buffer[];
}

/** A socket for requests. Throws netlink.unavailable if it cannot be opened. */
export class RequestSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(receiveBytes);
  #sequence = 0;
  #open = true;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#fd = openSocket(libc);
    // Old kernels lack these; requests then come back longer and dumps unfiltered, which readers expect.
    for (const name of [option.CAP_ACK, option.EXT_ACK, option.GET_STRICT_CHK])
      setOption(libc, this.#fd, name, 1);
  }

  /** Does one thing. Throws netlink.refused with the kernel's errno and its explanation. */
  change(request: Request): void {
    this.#exchange({ ...request, flags: request.flags | flag.ACK }, () => {});
  }

  /** Asks for one object: `read` gets the body of the reply. Throws netlink.refused, as with ENODEV for no such link. */
  query(request: Request, read: (body: Buffer) => void): void {
    this.#exchange({ ...request, flags: request.flags | flag.ACK }, (message) => read(message.body));
  }

  /**
   * Asks for a table; `read` gets each entry's body, decodes it and returns the value to keep, or null. A dump that
   * changes interrupted is made again: entries may have been missed or seen twice (flannel.md 7).
   */
  dump<Entry>(request: Request, read: (body: Buffer) => Entry | null): Entry[] {
    for (let attempt = 0; attempt < dumpTriesMax; attempt++) {
      const entries: Entry[] = [];
      const steady = this.#exchange({ ...request, flags: flag.DUMP }, (message) => {
        const entry = read(message.body);
        if (entry !== null) entries.push(entry);
      });
      if (steady) return entries;
    }
    const { operation } = request;
    throw new NetlinkError(`${operation}: the table keeps changing`, { code: "netlink.unsteady", operation });
  }

  close(): void {
    if (this.#open) this.#libc.close(this.#fd);
    this.#open = false;
  }

  /** Sends, and reads until the end of the answer. Returns false if a part says that the dump was interrupted. */
  #exchange(request: Request, read: (message: Message) => void): boolean {
    assert(this.#open, "the netlink socket is open");
    const { operation, type, flags, parts } = request;
    this.#sequence = (this.#sequence + 1) >>> 0;
    const bytes = encodeMessage(type, flags | flag.REQUEST, this.#sequence, parts);
    if (this.#libc.send(this.#fd, bytes, bytes.length, 0) !== bytes.length) this.#failed(operation);
    let steady = true;
    for (;;) {
      for (const message of this.#receive(operation)) {
        // An earlier exchange that broke off may have left answers behind.
        if (message.sequence !== this.#sequence) continue;
        if ((message.flags & flag.DUMP_INTR) !== 0) steady = false;
        if (message.type === control.ERROR || message.type === control.DONE) {
          const answer = decodeAnswer(message);
          if (answer.errno !== 0) throw refused(operation, answer);
          return steady;
        }
        if (message.type !== control.NOOP) read(message);
      }
    }
  }

  #receive(operation: string): Message[] {
    for (;;) {
      const length = this.#libc.recv(this.#fd, this.#buffer, receiveBytes, 0);
      if (length >= 0) return decodeMessages(this.#buffer.subarray(0, length));
      if (this.#libc.errno() !== errno.EINTR) this.#failed(operation);
    }
  }

  #failed(operation: string): never {
    const code = this.#libc.errno();
    throw new NetlinkError(`${operation}: ${errnoName(code)}`, {
      code: "netlink.failed",
      errno: code,
      operation,
    });
  }
}

function refused(operation: string, answer: Answer): NetlinkError {
  const why = answer.text === null ? errnoName(answer.errno) : `${answer.text} (${errnoName(answer.errno)})`;
  return new NetlinkError(`${operation}: ${why}`, {
    code: "netlink.refused",
    errno: answer.errno,
    operation,
  });
}

/** Who listens to notifications. */
export interface NotificationSink {
  notified(message: Message): void;
  /** The kernel dropped notifications: anything may have changed. */
  overrun(): void;
}

/** A socket for notifications of all four groups. Throws netlink.unavailable. */
export class NotificationSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #sink: NotificationSink;
  readonly #buffer = Buffer.allocUnsafeSlow(receiveBytes);
  readonly #readable: { close(): void };
  #open = true;

  constructor(libc: Libc, sink: NotificationSink) {
    this.#libc = libc;
    this.#sink = sink;
    this.#fd = openSocket(libc);
    for (const membership of Object.values(group)) {
      if (setOption(libc, this.#fd, option.ADD_MEMBERSHIP, membership)) continue;
      const code = libc.errno();
      libc.close(this.#fd);
      throw new NetlinkError(`no netlink notifications: ${errnoName(code)}`, {
        code: "netlink.unavailable",
        errno: code,
      });
    }
    this.#readable = libc.onReadable(this.#fd, () => this.#drain());
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#readable.close();
    this.#libc.close(this.#fd);
  }

  #drain(): void {
    for (let count = 0; this.#open && count < datagramsPerTurnMax; count++) {
      const length = this.#libc.recv(this.#fd, this.#buffer, receiveBytes, 0);
      if (length < 0) {
        const code = this.#libc.errno();
        if (code === errno.ENOBUFS) this.#sink.overrun();
        else if (code !== errno.EINTR) return;
        continue;
      }
      for (const message of decodeMessages(this.#buffer.subarray(0, length))) this.#sink.notified(message);
    }
  }
}
